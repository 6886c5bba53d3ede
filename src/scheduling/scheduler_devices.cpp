// How devices come to a scheduler, fail, and go.
#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <optional>
#include <thread>
#include <utility>

#include "scheduling/batch_probe.hpp"
#include "scheduling/scheduler.hpp"

namespace ocelli::scheduling {
namespace {

// How long a run that was asked to stop may take before its device is left behind.
constexpr Duration kStopPatience = std::chrono::seconds(2);
// Runs of single items that may fail for lack of memory, in a row, before the device is taken out.
constexpr std::uint32_t kMemoryStrikes = 2;

}  // namespace

Status Scheduler::add(ExecutorSpec spec) {
  const auto position = spec.position;
  auto executor = Executor::create(std::move(spec), *this);
  if (!executor.ok()) return std::move(executor).status();
  if (auto status = tune(**executor); !status.ok()) return status;
  {
    const Lock lock(mutex_);
    (*executor)->position = position.value_or(executors_.empty() ? 0 : executors_.back()->position + 1);
    insert(std::move(executor).value());
  }
  pump();
  WorkList none;
  tell(none, 1);
  return {};
}

Status Scheduler::measure(std::size_t position) {
  std::optional<ExecutorSpec> spec;
  {
    const Lock lock(mutex_);
    const auto open = std::ranges::find_if(
        executors_, [&](const auto& each) { return each->position == position && each->unmeasured && each->usable(); });
    if (open == executors_.end()) return {};
    spec = (*open)->spec();
  }
  auto executor = Executor::create(std::move(*spec), *this);
  if (!executor.ok()) return std::move(executor).status();
  if (auto status = tune(**executor); !status.ok()) return status;
  {
    const Lock lock(mutex_);
    // Lost or removed meanwhile: what was measured is of no use.
    const auto here = [&](const auto& each) { return each->position == position && each->usable(); };
    if (!std::ranges::any_of(executors_, here)) return {};
    for (const auto& each : executors_) each->retiring = each->retiring || each->position == position;
    (*executor)->position = position;
    insert(std::move(executor).value());
  }
  pump();
  WorkList none;
  tell(none, 1);
  drain_retiring(position, kStopPatience);
  return {};
}

// With the lock held: the executor serves from now on. The caller pumps.
void Scheduler::insert(std::unique_ptr<Executor> executor) {
  executor->last_use = Clock::now();
  const auto place =
      std::ranges::upper_bound(executors_, executor->position, {}, [](const auto& each) { return each->position; });
  executors_.insert(place, std::move(executor));
  publish_lanes();
  ++active_;
}

Status Scheduler::tune(Executor& executor) {
  try {
    return BatchProbe(executor, *this, options_.batching, log_, options_.name).run();
  } catch (const std::bad_alloc&) {
    return {StatusCode::kResourceExhausted, "Out of memory while measuring the model"};
  }
}

bool Scheduler::remove(std::size_t position, Duration limit) noexcept {
  {
    const Lock lock(mutex_);
    for (const auto& executor : executors_) executor->retiring = executor->retiring || executor->position == position;
    publish_lanes();
  }
  return drain_retiring(position, limit);
}

// Waits until what runs on the executors of the position that are to go has ended, and destroys them, and others whose
// time has come; see remove().
bool Scheduler::drain_retiring(std::size_t position, Duration limit) noexcept {
  std::vector<std::unique_ptr<Executor>> gone;
  WorkList stranded;
  bool all = true;
  {
    Lock lock(mutex_);
    const auto quiet = [&] {
      return std::ranges::all_of(
          executors_, [&](const auto& each) { return !each->retiring || each->position != position || each->quiet(); });
    };
    if (!quiet_.wait_for(lock, limit, quiet)) {
      lock.unlock();
      stop_retiring_runs(position);
      lock.lock();
      all = quiet_.wait_for(lock, kStopPatience, quiet);
    }
    const auto keep = std::stable_partition(executors_.begin(), executors_.end(),
                                            [](const auto& each) { return !each->retiring || !each->quiet(); });
    std::move(keep, executors_.end(), std::back_inserter(gone));
    executors_.erase(keep, executors_.end());
    strand(stranded);
    reconsider();
  }
  tell(stranded, 0);
  for (const auto& executor : gone) await_idle(*executor);
  return all;
}

// Lasts as long as a runtime needs to return from start(), which is microseconds.
void Scheduler::await_idle(const Executor& executor) noexcept {
  for (const auto& lane : executor.lanes()) {
    while (!lane->idle()) std::this_thread::sleep_for(std::chrono::microseconds(20));
  }
}

void Scheduler::expect_device(bool coming, bool asleep, const Status& why) noexcept {
  WorkList stranded;
  bool wake = false;
  {
    const Lock lock(mutex_);
    device_coming_ = coming;
    asleep_ = asleep;
    told_awake_ = false;
    if (!coming && !why.ok())
      outage_ = unavailable(fmt::format("Model {} has no device to run on: {}", options_.name, why.message()));
    strand(stranded);
    reconsider();
    wake = must_wake();
  }
  tell(stranded, 0);
  if (wake) wake_sleeper();
}

std::shared_ptr<CompiledModel> Scheduler::first_model() const {
  const Lock lock(mutex_);
  const auto first = std::ranges::find_if(executors_, &Executor::usable);
  return first == executors_.end() ? nullptr : (*first)->variants().front().model;
}

std::size_t Scheduler::lane_count() const {
  const Lock lock(mutex_);
  std::size_t count = 0;
  for (const auto& executor : executors_) count += executor->lanes().size();
  return count;
}

void Scheduler::publish_lanes() noexcept {
  std::int64_t lanes = 0;
  std::int64_t streams = 0;
  for (const auto& each : executors_) {
    if (!each->usable()) continue;
    lanes += static_cast<std::int64_t>(each->lanes().size());
    streams += each->model().info().streams;
  }
  metrics_.infer_req_queue_size.store(lanes, std::memory_order_relaxed);
  metrics_.streams.store(streams, std::memory_order_relaxed);
}

// Takes what waits out of the queue when no device will ever come for it, and lets items go back to devices that were
// too small for them when no other one is left.
void Scheduler::strand(WorkList& stranded) noexcept {
  const auto usable = [](const auto& executor) { return executor->usable(); };
  const bool served = device_coming_ || std::ranges::any_of(executors_, usable);
  if (served) {
    for (auto* item = queue_.front(); item; item = WorkList::next(*item)) {
      const auto takes = [&](const auto& executor) {
        return executor->usable() && (item->avoid_ & executor->mark()) == 0;
      };
      // The one that sleeps may be the one that takes it.
      if (item->avoid_ != 0 && !asleep_ && std::ranges::none_of(executors_, takes)) item->avoid_ = 0;
    }
    return;
  }
  while (auto* item = queue_.pop_front()) {
    item->state_ = WorkItem::State::kIdle;
    item->status = outage_;
    stranded.push_back(*item);
  }
  publish_queue();
}

// What waits may run elsewhere than a moment ago, or needs the device that sleeps. Seen to on the timer's thread,
// because runs that end at once call back into whoever called.
void Scheduler::reconsider() noexcept {
  if (!queue_.empty()) wake_at(Clock::now());
}

bool Scheduler::other_device(const Executor& executor, std::uint32_t avoid) const noexcept {
  return std::ranges::any_of(executors_, [&](const auto& other) {
    return other.get() != &executor && other->usable() && (avoid & other->mark()) == 0;
  });
}

// What a failed run means for its device.
Scheduler::Incident Scheduler::judge(Lane& lane, const Status& status) noexcept {
  auto& executor = lane.executor();
  if (!lane.ran || executor.out) return {};
  const auto& device = executor.model().info().device;
  if (status.code() == StatusCode::kResourceExhausted && lane.batch().size() > 1) {
    const auto items = std::max(1U, std::min(executor.items_limit, lane.items() / 2));
    executor.limit_until = Clock::now() + options_.halved_for;
    if (items == executor.items_limit) return {};
    executor.items_limit = items;
    log_.warning("Model {}: device {} has no memory for a batch of {} ({}); batches have at most {} items for now",
                 options_.name, device, lane.items(), status.message(), items);
    return {Incident::Kind::kLimited, executor.position, items};
  }
  if (status.code() == StatusCode::kResourceExhausted) {
    // The request may be what is too large, and then it is not the others' outage. With AUTO the next device only
    // stands by: it comes when this one is out, and only then is the request answered.
    const bool alone = !other_device(executor, 0) && !asleep_;
    const bool next_stands_by = device_coming_ && alone;
    // Without anybody to take over, only what fitted before says something about the device.
    if (alone && !device_coming_ && lane.input_bytes > executor.fitting_bytes) return {};
    if (executor.in_host_memory() || (++executor.memory_strikes < kMemoryStrikes && !next_stands_by)) return {};
  }
  const bool gone = status.code() == StatusCode::kUnavailable || status.code() == StatusCode::kResourceExhausted;
  if (!gone || (!watch_ && !other_device(executor, 0))) return {};
  executor.out = true;
  metrics_.device_failures[std::min(executor.position, observability::kMaxDevices - 1)].fetch_add(
      1, std::memory_order_relaxed);
  outage_ = unavailable(
      fmt::format("Model {} has no device to run on: {} is out of use ({})", options_.name, device, status.message()));
  publish_lanes();
  log_.warning("Model {}: device {} is out of use ({}); its work {}", options_.name, device, status.message(),
               other_device(executor, 0) ? "moves to the other devices"
               : device_coming_          ? "waits for the next device"
                                         : "fails until it is back");
  return {Incident::Kind::kOut, executor.position, 0};
}

// After a run that went well: batches that were halved for want of memory may grow again.
Scheduler::Incident Scheduler::relax(Executor& executor, TimePoint now) const noexcept {
  const auto largest = executor.sizes.back();
  if (executor.items_limit >= largest || now < executor.limit_until) return {};
  executor.items_limit = std::min(executor.items_limit * 2, largest);
  executor.limit_until = now + options_.halved_for;
  return {Incident::Kind::kRelaxed, executor.position, executor.items_limit < largest ? executor.items_limit : 0};
}

// After a run that gave other rows than it was given.
Scheduler::Incident Scheduler::judge_rows(Executor& executor) noexcept {
  if (!executor.rows_differ.load(std::memory_order_relaxed) || std::exchange(executor.rows_differ_told, true))
    return {};
  executor.stop_batching();
  log_.warning("Model {}: a run on {} gave other rows than it was given; requests run one by one from now on",
               options_.name, executor.model().info().device);
  return {Incident::Kind::kUnbatched, executor.position, 1, std::move(executor.note_unbatched)};
}

void Scheduler::report(Incident& incident, const Status& why) noexcept {
  if (incident.kind == Incident::Kind::kNone) return;
  if (!watch_) {
    if (incident.note) incident.note();
    return;
  }
  if (incident.kind == Incident::Kind::kFull) return watch_->on_device_full(incident.position);
  if (incident.kind == Incident::Kind::kOut) return watch_->on_device_out(incident.position, why);
  if (incident.kind == Incident::Kind::kRelaxed) return watch_->on_device_relaxed(incident.position, incident.items);
  if (incident.kind == Incident::Kind::kUnbatched) {
    return watch_->on_device_unbatched(incident.position, std::move(incident.note));
  }
  watch_->on_device_limited(incident.position, incident.items, why);
}

}  // namespace ocelli::scheduling
