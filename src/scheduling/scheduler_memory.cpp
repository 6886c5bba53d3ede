// Devices that give their memory to others while they have no work, and that ask for memory.
#include <algorithm>

#include "scheduling/scheduler.hpp"

namespace ocelli::scheduling {
namespace {

// Freeing memory for a device is not tried again before: a request that is too large stays too large.
constexpr Duration kReliefPause = std::chrono::seconds(5);

}  // namespace

// With the lock held: the device at the position, and not one that went before it and whose last run has not ended.
Scheduler::Executors::const_iterator Scheduler::find(std::size_t position) const noexcept {
  return std::ranges::find_if(executors_,
                              [&](const auto& each) { return each->position == position && !each->retiring; });
}

// --- going to sleep

bool Scheduler::remove_unused(std::size_t position, TimePoint since) noexcept {
  std::unique_ptr<Executor> gone;
  {
    const Lock lock(mutex_);
    const auto found = find(position);
    if (found == executors_.end() || !queue_.empty()) return false;
    const auto& executor = **found;
    if (!executor.usable() || executor.paused || !executor.quiet() || executor.last_use > since) return false;
    const auto place = executors_.begin() + (found - executors_.begin());
    gone = std::move(*place);
    executors_.erase(place);
    publish_lanes();
  }
  await_idle(*gone);
  return true;
}

std::optional<DeviceUsage> Scheduler::usage(std::size_t position) const {
  const Lock lock(mutex_);
  const auto found = find(position);
  if (found == executors_.end()) return std::nullopt;
  const auto& executor = **found;
  return DeviceUsage{queue_.empty() && executor.quiet(),
                     executor.last_use,
                     executor.memory_bytes(),
                     {executor.follows_items, executor.sizes, {}, executor.batching_note},
                     executor.unmeasured,
                     executor.warm_up,
                     executor.measuring};
}

std::size_t Scheduler::waiting() const {
  const Lock lock(mutex_);
  return queue_.size();
}

// --- waking up

// Whether the watch is to be told that work waits; counts this thread in active_ then.
bool Scheduler::must_wake() noexcept {
  if (!asleep_ || told_awake_ || !watch_) return false;
  const auto waits = [this](const WorkItem& item) {
    return std::ranges::none_of(executors_, [&](const auto& executor) {
      return executor->available() && (item.avoid_ & executor->mark()) == 0;
    });
  };
  const auto* item = queue_.front();
  while (item && !waits(*item)) item = WorkList::next(*item);
  if (!item) return false;
  told_awake_ = true;
  ++active_;
  return true;
}

void Scheduler::wake_sleeper() noexcept {
  watch_->on_work_waits();
  const Lock lock(mutex_);
  leave(1);
}

// --- out of memory

// Asked before the lock is taken, because the watch may ask others.
bool Scheduler::may_relieve(const Lane& lane, const Status& status) noexcept {
  if (status.code() != StatusCode::kResourceExhausted || !lane.ran || !watch_) return false;
  // Else one request that is too large would cost all models that do nothing their place, again and again.
  if (lane.executor().in_host_memory()) return false;
  return !lane.stopping.load(std::memory_order_relaxed) && watch_->may_free_memory(lane.executor().position);
}

// True: the batch waits while memory is freed, and then runs again.
bool Scheduler::pause_for_memory(Lane& lane, TimePoint now, Incident& incident) noexcept {
  auto& executor = lane.executor();
  if (!executor.usable()) return false;
  if (executor.paused) return true;  // another lane met the same
  if (now < executor.relief_at) return false;
  executor.paused = true;
  executor.relief_at = now + kReliefPause;
  incident = {Incident::Kind::kFull, executor.position, 0};
  return true;
}

void Scheduler::resume(std::size_t position) noexcept {
  {
    const Lock lock(mutex_);
    const auto found = find(position);
    if (found == executors_.end()) return;
    (*found)->paused = false;
    // From now on, because freeing may have taken long itself.
    (*found)->relief_at = Clock::now() + kReliefPause;
    ++active_;
  }
  pump();
  WorkList none;
  tell(none, 1);
}

}  // namespace ocelli::scheduling
