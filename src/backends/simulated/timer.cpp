#include "backends/simulated/timer.hpp"

#include <algorithm>

namespace ocelli::simulated {

bool Timer::later(const Task* a, const Task* b) noexcept { return a->due_ > b->due_; }

Timer::Timer() : thread_([this] { run(); }) {}

Timer::~Timer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void Timer::schedule(Task& task, TimePoint due) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    task.due_ = due;
    heap_.push_back(&task);
    std::push_heap(heap_.begin(), heap_.end(), later);
    first = heap_.front() == &task;
  }
  if (first) changed_.notify_one();
}

bool Timer::cancel(Task& task) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = std::find(heap_.begin(), heap_.end(), &task);
  if (found == heap_.end()) return false;
  *found = heap_.back();
  heap_.pop_back();
  std::make_heap(heap_.begin(), heap_.end(), later);
  return true;
}

void Timer::run() noexcept {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (heap_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const TimePoint due = heap_.front()->due_;
    if (Clock::now() < due) {
      changed_.wait_until(lock, due);
      continue;
    }
    std::pop_heap(heap_.begin(), heap_.end(), later);
    Task* task = heap_.back();
    heap_.pop_back();
    lock.unlock();
    task->on_timer(due);
    lock.lock();
  }
}

}  // namespace ocelli::simulated
