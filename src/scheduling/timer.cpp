#include "scheduling/timer.hpp"

#include <pthread.h>

#include <algorithm>

namespace ocelli::scheduling {

Timer::Timer() : thread_([this] { work(); }) {}

Timer::~Timer() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Timer::add(TimerClient& client) {
  const std::lock_guard lock(mutex_);
  entries_.push_back({&client});
}

void Timer::remove(TimerClient& client) noexcept {
  std::unique_lock lock(mutex_);
  std::erase_if(entries_, [&](const Entry& entry) { return entry.client == &client; });
  called_.wait(lock, [&] { return calling_ != &client; });
}

void Timer::arm(TimerClient& client, TimePoint when) noexcept {
  {
    const std::lock_guard lock(mutex_);
    const auto entry = std::ranges::find(entries_, &client, &Entry::client);
    if (entry == entries_.end()) return;
    entry->due = std::min(entry->due, when);
    if (entry->due >= sleeping_until_) return;
    sleeping_until_ = entry->due;
  }
  wake_.notify_one();
}

Timer::Entry* Timer::earliest() noexcept {
  const auto first = std::ranges::min_element(entries_, {}, &Entry::due);
  return first == entries_.end() || first->due == kNever ? nullptr : &*first;
}

void Timer::work() {
  ::pthread_setname_np(::pthread_self(), "ocelli-timer");
  std::unique_lock lock(mutex_);
  while (!closing_) {
    auto* entry = earliest();
    const auto now = Clock::now();
    if (!entry) {
      sleeping_until_ = kNever;
      wake_.wait(lock);
    } else if (entry->due > now) {
      const auto due = entry->due;  // the entry may move while the lock is released
      sleeping_until_ = due;
      wake_.wait_until(lock, due);
    } else {
      entry->due = kNever;
      calling_ = entry->client;
      lock.unlock();
      calling_->on_timer(now);
      lock.lock();
      calling_ = nullptr;
      called_.notify_all();
    }
  }
}

}  // namespace ocelli::scheduling
