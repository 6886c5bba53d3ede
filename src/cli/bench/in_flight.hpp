// InFlight: keeps a number of asynchronous requests going until a time is over.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>

#include "base/clock.hpp"
#include "base/status.hpp"
#include "cli/bench/load_way.hpp"
#include "cli/bench/steady_window.hpp"

namespace ocelli::cli {

// Shared by the slots of one measurement. Thread-safe. Each slot calls begin_one() before it starts a request and
// end_one() when it has ended, and starts another one for as long as end_one() says so.
class InFlight {
 public:
  explicit InFlight(Duration duration)
      : cpu_(process_cpu_seconds()), begin_(Clock::now()), end_(begin_ + duration), steady_(end_) {}

  // One more request is on its way.
  void begin_one() {
    const std::lock_guard lock(mutex_);
    ++running_;
  }

  // Counts a request that began at `began`. True: start another one (which counts as begun).
  bool end_one(TimePoint began, const Status& status) {
    const auto now = Clock::now();
    const std::lock_guard lock(mutex_);
    steady_.end_one(now, status.ok());
    if (status.ok()) {
      result_.latency.record(now - began);
    } else if (result_.errors++ == 0) {
      result_.first_error = status.to_string();
    }
    // A way that fails at once would only burn time.
    constexpr std::uint64_t kMaxErrors = 100;
    if (now < end_ && result_.errors < kMaxErrors) return true;
    last_ = now;
    if (--running_ == 0) idle_.notify_all();
    return false;
  }

  // Blocks until no request is on its way.
  LoadResult wait() {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [&] { return running_ == 0; });
    result_.seconds = std::chrono::duration<double>(last_ - begin_).count();
    result_.steady_ends = steady_.ends();
    result_.steady_seconds = std::chrono::duration<double>(steady_.length()).count();
    result_.cpu_seconds = process_cpu_seconds() - cpu_;
    return result_;
  }

 private:
  const double cpu_;
  const TimePoint begin_;
  const TimePoint end_;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::uint32_t running_ = 0;
  TimePoint last_{};
  SteadyWindow steady_;
  LoadResult result_;
};

}  // namespace ocelli::cli
