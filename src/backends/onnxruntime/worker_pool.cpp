#include "backends/onnxruntime/worker_pool.hpp"

namespace ocelli::onnxruntime {

WorkerPool::WorkerPool(std::uint32_t threads) {
  threads_.reserve(threads);
  for (std::uint32_t i = 0; i < threads; ++i) threads_.emplace_back([this] { serve(); });
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void WorkerPool::submit(Task& task) noexcept {
  {
    const std::lock_guard lock(mutex_);
    task.next_ = nullptr;
    (last_ ? last_->next_ : first_) = &task;
    last_ = &task;
  }
  changed_.notify_one();
}

void WorkerPool::serve() noexcept {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stopping_ || first_; });
    if (!first_) return;
    Task* task = first_;
    first_ = task->next_;
    if (!first_) last_ = nullptr;
    lock.unlock();
    task->work();
    lock.lock();
  }
}

}  // namespace ocelli::onnxruntime
