// RunWaiter: a completion that a test can wait for, with a deadline.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "runtime/infer_request.hpp"

namespace ocelli::testing {

class RunWaiter final : public InferCompletion {
 public:
  void on_infer_done(const Status& status) noexcept override {
    const std::lock_guard lock(mutex_);
    status_ = status;
    thread_ = std::this_thread::get_id();
    ++count_;
    changed_.notify_all();
  }

  // False when the count is not reached within the limit.
  bool wait(int count = 1, std::chrono::seconds limit = std::chrono::seconds(30)) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [&] { return count_ >= count; });
  }
  Status status() {
    const std::lock_guard lock(mutex_);
    return status_;
  }
  int count() {
    const std::lock_guard lock(mutex_);
    return count_;
  }
  std::thread::id thread() {
    const std::lock_guard lock(mutex_);
    return thread_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  Status status_;
  std::thread::id thread_;
  int count_ = 0;
};

}  // namespace ocelli::testing
