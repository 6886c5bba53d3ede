// ThreadPool: a fixed number of threads that work off a bounded queue of tasks.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <limits>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace ocelli {

// All members are thread-safe. The destructor runs what is still queued and then joins; it must not run on one of the
// pool's threads.
class ThreadPool {
 public:
  static constexpr std::size_t kUnbounded = std::numeric_limits<std::size_t>::max();

  // name (at most 15 characters are kept) shows in debuggers and top. threads >= 1. max_queued: tasks that may wait,
  // not counting those that run. Throws std::system_error when the system gives no more threads.
  ThreadPool(const std::string& name, std::size_t threads, std::size_t max_queued);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // False, and the task is not kept, when the queue is full. Tasks must not throw; they start in the order of
  // submission. The pool may be destroyed as soon as the task runs, even before this call has returned.
  [[nodiscard]] bool submit(std::function<void()> task);
  // Tasks that wait now.
  [[nodiscard]] std::size_t queued() const;
  // Waits until nothing waits and nothing runs, for at most limit; whether that is so.
  [[nodiscard]] bool idle_within(std::chrono::nanoseconds limit);

 private:
  void work();
  void end() noexcept;

  const std::string name_;
  const std::size_t max_queued_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::deque<std::function<void()>> queue_;
  bool closing_ = false;
  std::size_t running_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace ocelli
