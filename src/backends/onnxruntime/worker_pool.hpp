// WorkerPool: threads that carry out ONNX Runtime's blocking runs.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace ocelli::onnxruntime {

// First come, first served; submitting allocates nothing. Thread-safe. Tasks must have ended before the pool is
// destroyed.
class WorkerPool {
 public:
  class Task {
   public:
    virtual ~Task() = default;
    virtual void work() noexcept = 0;

   private:
    friend class WorkerPool;
    Task* next_ = nullptr;
  };

  explicit WorkerPool(std::uint32_t threads);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // task must not be queued already; it may be submitted again from within its work().
  void submit(Task& task) noexcept;

 private:
  void serve() noexcept;

  std::mutex mutex_;
  std::condition_variable changed_;
  Task* first_ = nullptr;
  Task* last_ = nullptr;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace ocelli::onnxruntime
