#include "scheduling/closed_loop.hpp"

#include <thread>

namespace ocelli::scheduling {

double ClosedLoop::run(const std::vector<std::unique_ptr<InferRequest>>& requests, Duration slice) {
  const auto begun = Clock::now();
  until_ = begun + slice;
  running_ = requests.size();
  for (std::size_t i = 0; i < requests.size(); ++i) {
    runners_[i].loop = this;
    runners_[i].request = requests[i].get();
    keep_running(runners_[i]);
  }
  {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return running_ == 0; });
  }
  // A run may end before the start() that began it has returned on its own thread.
  while (starting_.load(std::memory_order_acquire) > 0) std::this_thread::yield();
  const auto took = std::chrono::duration<double>(Clock::now() - begun).count();
  return failed_ ? 0 : static_cast<double>(runs_.load()) / took;
}

// Starts the request, and anew for as long as it ends below start(), where each run that began the next would nest.
void ClosedLoop::keep_running(Runner& runner) noexcept {
  auto again = true;
  starting_.fetch_add(1, std::memory_order_relaxed);
  while (again) {
    again = false;
    runner.again = &again;
    auto self = std::this_thread::get_id();
    runner.starter.store(self, std::memory_order_relaxed);
    runner.request->start(runner);
    // Where a thread of the runtime has started it anew meanwhile, it is the starter now.
    runner.starter.compare_exchange_strong(self, {}, std::memory_order_relaxed);
  }
  starting_.fetch_sub(1, std::memory_order_release);
}

void ClosedLoop::ended(Runner& runner, const Status& status) noexcept {
  runs_.fetch_add(1);
  if (status.ok() && Clock::now() < until_) {
    if (runner.starter.load(std::memory_order_relaxed) != std::this_thread::get_id()) return keep_running(runner);
    *runner.again = true;
    return;
  }
  const std::lock_guard lock(mutex_);
  failed_ = failed_ || !status.ok();
  if (--running_ == 0) idle_.notify_all();
}

}  // namespace ocelli::scheduling
