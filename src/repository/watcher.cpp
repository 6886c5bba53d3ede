#include "repository/watcher.hpp"

#include <utility>

namespace ocelli::repository {

Watcher::Watcher(std::chrono::milliseconds interval, std::function<void()> look)
    : interval_(interval), look_(std::move(look)) {
  if (interval_.count() > 0) thread_ = std::thread([this] { work(); });
}

void Watcher::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Watcher::work() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, interval_, [this] { return stopping_; })) {
    lock.unlock();
    look_();
    lock.lock();
  }
}

}  // namespace ocelli::repository
