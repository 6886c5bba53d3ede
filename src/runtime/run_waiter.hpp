// RunWaiter: lets a thread wait for a run that was started.
#pragma once

#include <condition_variable>
#include <mutex>
#include <utility>

#include "runtime/infer_request.hpp"

namespace ocelli {

// For one run at a time, whose completion it is. Thread-safe.
class RunWaiter final : public InferCompletion {
 public:
  void on_infer_done(const Status& status) noexcept override {
    const std::lock_guard lock(mutex_);
    status_ = status;
    done_ = true;
    changed_.notify_all();
  }
  // Whether the run has ended and was not waited for yet.
  [[nodiscard]] bool done() {
    const std::lock_guard lock(mutex_);
    return done_;
  }
  // How the run ended. Without a deadline: whoever runs it ends every run. May be used for another run afterwards.
  Status wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return done_; });
    done_ = false;
    return std::move(status_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  Status status_;
};

}  // namespace ocelli
