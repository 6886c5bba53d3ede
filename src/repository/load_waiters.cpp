#include "repository/load_waiters.hpp"

#include <algorithm>

namespace ocelli::repository {
namespace {

Result<serving::ServableHandle> answer(Catalog::Found&& found) {
  if (found.handle) return std::move(found.handle);
  return Catalog::miss_status(found.miss);
}

}  // namespace

LoadWaiters::LoadWaiters(const Catalog& catalog) : catalog_(catalog), thread_([this] { work(); }) {}

void LoadWaiters::find(std::string_view name, std::optional<Version> version, TimePoint deadline, Done done) {
  auto found = catalog_.find(name, version);
  if (found.miss == Catalog::Miss::kLoading && Clock::now() < deadline) {
    const std::lock_guard lock(mutex_);
    if (!closed_ && waiters_.size() < kMaxWaiters) {
      waiters_.push_back({std::string(name), version, deadline, std::move(done)});
      // The version may have come between the look and now: the thread looks again.
      changed_ = true;
      wake_.notify_one();
      return;
    }
  }
  done(answer(std::move(found)));
}

void LoadWaiters::notify() {
  const std::lock_guard lock(mutex_);
  if (waiters_.empty()) return;
  changed_ = true;
  wake_.notify_one();
}

void LoadWaiters::close() noexcept {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

std::list<LoadWaiters::Waiter> LoadWaiters::take_settled(TimePoint now, TimePoint& next) {
  std::list<Waiter> settled;
  next = kNever;
  for (auto waiter = waiters_.begin(); waiter != waiters_.end();) {
    const auto here = waiter++;
    const bool over = closed_ || here->deadline <= now;
    if (over || catalog_.find(here->name, here->version).miss != Catalog::Miss::kLoading) {
      settled.splice(settled.end(), waiters_, here);
    } else {
      next = std::min(next, here->deadline);
    }
  }
  return settled;
}

void LoadWaiters::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_ = false;
    TimePoint next = kNever;
    std::list<Waiter> settled = take_settled(Clock::now(), next);
    if (!settled.empty()) {
      lock.unlock();
      for (auto& waiter : settled) waiter.done(answer(catalog_.find(waiter.name, waiter.version)));
      lock.lock();
      continue;
    }
    if (closed_) return;
    const auto awake = [this] { return changed_ || closed_; };
    if (next == kNever) {
      wake_.wait(lock, awake);
    } else {
      wake_.wait_until(lock, next, awake);
    }
  }
}

}  // namespace ocelli::repository
