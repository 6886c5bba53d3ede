// TaskQueue: blocking runs that wait for one of a backend's threads.
#pragma once

#include <condition_variable>
#include <mutex>

namespace ocelli {

// First come, first served. Tasks are linked into the queue, so that nothing is allocated; it is bounded by the number
// of tasks there are, since one that waits cannot be submitted again. Thread-safe. Tasks must outlive their wait.
class TaskQueue {
 public:
  // What waits: a backend's request derives from it.
  class Task {
   protected:
    Task() = default;
    ~Task() = default;

   private:
    friend class TaskQueue;
    Task* next_ = nullptr;
  };

  // task must not wait already; one that take() gave out may be submitted again.
  void submit(Task& task) noexcept;
  // Waits for a task, without a limit: close() ends the wait. Null when the queue is closed and nothing waits.
  [[nodiscard]] Task* take() noexcept;
  // What waits is still given out.
  void close() noexcept;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  Task* first_ = nullptr;
  Task* last_ = nullptr;
  bool closed_ = false;
};

}  // namespace ocelli
