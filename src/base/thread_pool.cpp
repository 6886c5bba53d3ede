#include "base/thread_pool.hpp"

#include <pthread.h>

#include <cassert>
#include <utility>

namespace ocelli {

ThreadPool::ThreadPool(const std::string& name, std::size_t threads, std::size_t max_queued)
    : name_(name.substr(0, 15)), max_queued_(max_queued) {
  assert(threads >= 1);
  threads_.reserve(threads);
  try {
    for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  } catch (...) {  // their number may be limited; those that run must end before their handles go
    end();
    throw;
  }
}

ThreadPool::~ThreadPool() { end(); }

void ThreadPool::end() noexcept {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
}

bool ThreadPool::submit(std::function<void()> task) {
  const std::lock_guard lock(mutex_);
  if (queue_.size() >= max_queued_) return false;
  queue_.push_back(std::move(task));
  // Under the lock: the task may be what lets somebody destroy the pool.
  wake_.notify_one();
  return true;
}

std::size_t ThreadPool::queued() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

bool ThreadPool::idle_within(std::chrono::nanoseconds limit) {
  std::unique_lock lock(mutex_);
  return idle_.wait_for(lock, limit, [this] { return queue_.empty() && running_ == 0; });
}

void ThreadPool::work() {
  ::pthread_setname_np(::pthread_self(), name_.c_str());
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return closing_ || !queue_.empty(); });
    if (queue_.empty()) return;
    auto task = std::move(queue_.front());
    queue_.pop_front();
    ++running_;
    lock.unlock();
    task();
    task = nullptr;  // what it captured goes before the lock is taken again
    lock.lock();
    if (--running_ == 0 && queue_.empty()) idle_.notify_all();
  }
}

}  // namespace ocelli
