// BoundedRun: one run of a model that is waited for, but not for ever.
#pragma once

#include <condition_variable>
#include <mutex>

#include "base/clock.hpp"
#include "runtime/infer_request.hpp"

namespace ocelli::scheduling {

// For one run at a time.
class BoundedRun final : private InferCompletion {
 public:
  // Runs the request and returns how it ended. After limit it is asked to stop, and its end is waited for.
  Status run(InferRequest& request, Duration limit) {
    request.start(*this);
    std::unique_lock lock(mutex_);
    if (!ended_.wait_for(lock, limit, [this] { return done_; })) {
      lock.unlock();
      request.cancel();
      lock.lock();
      ended_.wait(lock, [this] { return done_; });
    }
    return std::move(status_);
  }

 private:
  void on_infer_done(const Status& status) noexcept override {
    const std::lock_guard lock(mutex_);
    status_ = status;
    done_ = true;
    ended_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable ended_;
  Status status_;
  bool done_ = false;
};

}  // namespace ocelli::scheduling
