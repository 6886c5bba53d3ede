// WorkerPool: threads that carry out ONNX Runtime's blocking runs.
#pragma once

#include <cstdint>
#include <thread>
#include <vector>

#include "runtime/task_queue.hpp"

namespace ocelli::onnxruntime {

// First come, first served; submitting allocates nothing. Thread-safe. Tasks must have ended before the pool is
// destroyed.
class WorkerPool {
 public:
  class Task : public TaskQueue::Task {
   public:
    virtual ~Task() = default;
    virtual void work() noexcept = 0;
  };

  // Throws std::system_error when the system gives no more threads.
  explicit WorkerPool(std::uint32_t threads);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // task must not be queued already; it may be submitted again from within its work().
  void submit(Task& task) noexcept { queue_.submit(task); }

 private:
  void serve() noexcept;
  void end() noexcept;

  TaskQueue queue_;
  std::vector<std::thread> threads_;
};

}  // namespace ocelli::onnxruntime
