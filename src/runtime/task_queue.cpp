#include "runtime/task_queue.hpp"

namespace ocelli {

void TaskQueue::submit(Task& task) noexcept {
  {
    const std::lock_guard lock(mutex_);
    task.next_ = nullptr;
    (last_ ? last_->next_ : first_) = &task;
    last_ = &task;
  }
  changed_.notify_one();
}

TaskQueue::Task* TaskQueue::take() noexcept {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return closed_ || first_; });
  Task* task = first_;
  if (!task) return nullptr;
  first_ = task->next_;
  if (!first_) last_ = nullptr;
  return task;
}

void TaskQueue::close() noexcept {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

}  // namespace ocelli
