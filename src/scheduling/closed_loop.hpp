// ClosedLoop: keeps requests running for a while and counts the runs; how devices are measured.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "runtime/infer_request.hpp"

namespace ocelli::scheduling {

// Used once, by one thread.
class ClosedLoop {
 public:
  explicit ClosedLoop(std::size_t requests) : runners_(requests) {}

  // Runs per second of all requests together, each started anew as soon as it ends, for slice; 0 when a run failed.
  // Their inputs are bound. There are as many requests as the constructor was told.
  double run(const std::vector<std::unique_ptr<InferRequest>>& requests, Duration slice);

 private:
  struct Runner final : InferCompletion {
    void on_infer_done(const Status& status) noexcept override { loop->ended(*this, status); }
    ClosedLoop* loop = nullptr;
    InferRequest* request = nullptr;
    // The thread that is inside start(), and where it looks whether the run ended there.
    std::atomic<std::thread::id> starter{};
    bool* again = nullptr;
  };

  static_assert(std::atomic<std::thread::id>::is_always_lock_free);
  void keep_running(Runner& runner) noexcept;
  void ended(Runner& runner, const Status& status) noexcept;

  std::vector<Runner> runners_;
  TimePoint until_{};
  std::atomic<std::uint64_t> runs_{0};
  std::atomic<int> starting_{0};
  std::mutex mutex_;
  std::condition_variable idle_;
  std::size_t running_ = 0;
  bool failed_ = false;
};

}  // namespace ocelli::scheduling
