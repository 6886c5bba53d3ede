// The way of an item through a device: choosing the next batch, running it, settling what comes out.
#include <algorithm>

#include "scheduling/scheduler.hpp"

namespace ocelli::scheduling {
namespace {

// How often an item is tried again after its batch failed or its device was lost.
constexpr std::uint8_t kMaxAttempts = 8;
// How often memory is freed for an item.
constexpr std::uint8_t kMaxReliefs = 2;
// After so many runs of a model that might be fast enough, one is tried on the submitter's thread, which shows its true
// duration.
constexpr std::uint32_t kInlineTrial = 64;
// Such trials are made when a run, hand-over included, takes less than this many times the limit.
constexpr int kTrialFactor = 5;
// Runs that last longer do not wait inside the runtime, where nothing can overtake them: the two wake-ups of threads
// that a stream loses between two runs are nothing to them.
constexpr auto kLongestAhead = std::chrono::milliseconds(50);
// A request goes ahead when it has the time of so many runs left, so that its deadline does not find it there.
constexpr int kRunsToSpare = 4;
// One that waits for company keeps at least this part of its time for its run: timers and threads come late.
constexpr int kSpareShare = 8;

Status stopped_early() { return {StatusCode::kCancelled, "Request was cancelled"}; }

std::uint64_t microseconds(Duration duration) noexcept {
  return static_cast<std::uint64_t>(
      std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::microseconds>(duration).count()));
}

std::uint64_t nanoseconds(Duration duration) noexcept {
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(duration).count());
}

observability::BatchCounters& counters_of_batch(observability::ServableMetrics& metrics, Lane& lane) noexcept {
  return metrics.batches[std::min(lane.batch().size(), observability::kMaxBatchBucket)];
}

void count_run(observability::ServableMetrics& metrics, Lane& lane, TimePoint now) noexcept {
  constexpr auto relaxed = std::memory_order_relaxed;
  const auto took = now - lane.prepared;
  for (const auto* item = lane.batch().front(); item; item = WorkList::next(*item)) {
    const auto waited = item->times.started - item->times.queued;
    metrics.wait_time.observe(microseconds(waited));
    metrics.inference_time.observe(microseconds(took));
    metrics.stat_queue.add(waited);
    metrics.stat_compute_input.add(lane.prepared - item->times.started);
    metrics.stat_compute_infer.add(took);
  }
  metrics.inferences.fetch_add(lane.items(), relaxed);
  metrics.executions.fetch_add(1, relaxed);
  metrics.device_runs[std::min(lane.executor().position, observability::kMaxDevices - 1)].add(took);
  auto& batch = counters_of_batch(metrics, lane);
  batch.executions.fetch_add(1, relaxed);
  batch.input_ns.fetch_add(nanoseconds(lane.prepared - lane.batch().front()->times.started), relaxed);
  batch.infer_ns.fetch_add(nanoseconds(took), relaxed);
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  metrics.last_inference_ms.store(
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(wall).count()), relaxed);
}

// What a run waited inside the runtime belongs to the time in the queue, not to the computing. Its inputs were bound
// meanwhile, so that this took no time of its own.
void leave_out_wait(Lane& lane) noexcept {
  const auto begun = lane.begun.load(std::memory_order_relaxed);
  if (begun <= lane.prepared) return;
  lane.prepared = begun;
  for (auto* item = lane.batch().front(); item; item = WorkList::next(*item)) item->times.started = begun;
}

}  // namespace

// --- choosing

Lane* Scheduler::next_work(TimePoint now, WorkList& dropped) noexcept {
  for (const auto& executor : executors_) {
    if (queue_.empty()) return nullptr;
    if (!executor->usable() || executor->paused || !has_room(*executor, executor->taken(), now)) continue;
    if (!ready(*executor, now)) continue;
    auto* lane = executor->take_free();
    if (fill(*lane, now, dropped)) return lane;
    executor->give_back(*lane);
  }
  publish_queue();
  return nullptr;
}

// Whether a lane may be given work while `busy` others of the device have some. Beyond the lanes that begin at once,
// work goes ahead into the runtime's own queue when that costs nothing here: a batch that waits is as large as it may
// become, no other device could take it, it is not going to be late, and what comes with a higher priority waits for
// one more short run at the most.
bool Scheduler::has_room(const Executor& executor, std::size_t busy, TimePoint now) const noexcept {
  if (busy < executor.at_once()) return true;
  if (busy >= executor.lanes().size() || executors_.size() > 1 || queue_.empty()) return false;
  const auto took = executor.run_time();
  // What is fast enough to run on the submitter's thread does not wait for another one.
  if (took < options_.inline_below * kTrialFactor || took > kLongestAhead) return false;
  return queue_.size() >= executor.largest() && queue_.front()->deadline > now + took * kRunsToSpare;
}

// Whether the queue's head is to run now, or may wait for company.
bool Scheduler::ready(const Executor& executor, TimePoint now) noexcept {
  const auto delay = options_.batching.max_delay;
  if (delay <= Duration::zero() || executor.sizes.size() == 1) return true;
  std::uint64_t items = 0;
  auto until = kNever;
  for (const auto* item = queue_.front(); item; item = WorkList::next(*item)) {
    // What cannot be put together with others gains nothing by waiting, and what stands before it no more company.
    if (!joins(executor, *item)) return true;
    items += item->work.items;
    if (items >= executor.largest()) return true;
    until = std::min({until, item->times.queued + delay, latest_start(executor, *item)});
  }
  if (until <= now ||
      std::ranges::find(options_.batching.preferred_sizes, items) != options_.batching.preferred_sizes.end())
    return true;
  wake_at(until);
  return false;
}

// Moves the next batch from the queue to the lane; what has expired goes to dropped. False when nothing was left to
// run.
bool Scheduler::fill(Lane& lane, TimePoint now, WorkList& dropped) noexcept {
  for (auto* head = queue_.front(); head && head->deadline <= now; head = queue_.front()) {
    queue_.pop_front();
    head->state_ = WorkItem::State::kIdle;
    head->status = Status(StatusCode::kDeadlineExceeded, "Deadline exceeded");
    dropped.push_back(*head);
  }
  if (auto* head = first_for(lane.executor(), queue_)) take_batch(lane, *head);
  publish_queue();
  if (lane.batch().empty()) return false;
  const auto size = static_cast<std::uint32_t>(lane.batch().size());
  for (auto* item = lane.batch().front(); item; item = WorkList::next(*item)) {
    item->state_ = WorkItem::State::kRunning;
    item->lane_ = &lane;
    item->times.started = now;
    item->batch_size = size;
  }
  lane.ahead = lane.executor().taken() > lane.executor().at_once();
  lane.taken = now;
  lane.begun.store({}, std::memory_order_relaxed);
  lane.choose_variant();
  lane.count_bytes();
  lane.executor().last_use = now;
  metrics_.device_use[std::min(lane.executor().position, observability::kMaxDevices - 1)].begin(now);
  lane.stopping.store(false, std::memory_order_relaxed);
  lane.stops = 0;
  metrics_.infer_req_active.fetch_add(1, std::memory_order_relaxed);
  return true;
}

// Null when nothing waits that the device may run.
WorkItem* Scheduler::first_for(const Executor& executor, const WorkList& queue) noexcept {
  auto* item = queue.front();
  while (item && (item->avoid_ & executor.mark()) != 0) item = WorkList::next(*item);
  return item;
}

// Whether requests are to run alone whatever waits beside them.
bool Scheduler::runs_alone(const WorkItem& item) noexcept {
  return item.attempts_ > 0 || item.work.hooks != nullptr || !item.by_rows_;
}

// Whether the device may run the request together with others.
bool Scheduler::joins(const Executor& executor, const WorkItem& item) noexcept {
  return !runs_alone(item) && item.work.items < executor.largest() && (item.work.items == 1 || executor.any_size);
}

// Until when a request may wait for company and still have the time that its run takes.
TimePoint Scheduler::latest_start(const Executor& executor, const WorkItem& item) noexcept {
  if (item.deadline == kNever) return kNever;
  const auto has = item.deadline - item.times.queued;
  const auto took = executor.run_time();
  if (took >= has) return item.times.queued;  // also before the first run
  return item.deadline - std::max(took * kRunsToSpare, has / kSpareShare);
}

void Scheduler::take_batch(Lane& lane, WorkItem& head) noexcept {
  const auto& executor = lane.executor();
  std::size_t take = 1;
  if (executor.largest() > 1 && !runs_alone(head)) {
    std::uint64_t items = 0;
    std::size_t requests = 0;
    for (const auto* item = &head; item && !runs_alone(*item); item = WorkList::next(*item)) {
      items += item->work.items;
      if (items > executor.largest()) break;
      ++requests;
      if (executor.accepts(static_cast<std::uint32_t>(items), requests)) take = requests;
    }
  }
  for (auto* item = &head; take > 0; --take) {
    auto* next = WorkList::next(*item);
    queue_.remove(*item);
    lane.batch().push_back(*item);
    item = next;
  }
}

// After a run: the next batch for the same lane, or the lane becomes free. True when it has work.
bool Scheduler::refill(Lane& lane, TimePoint now, WorkList& dropped) noexcept {
  if (lane.pins > 0) {
    lane.parked = true;
    return false;
  }
  auto& executor = lane.executor();
  const bool wanted = executor.usable() && !executor.paused && !queue_.empty();
  if (wanted && has_room(executor, executor.taken() - 1, now) && ready(executor, now) && fill(lane, now, dropped))
    return true;
  executor.give_back(lane);
  if (executor.retiring) quiet_.notify_all();
  return false;
}

// --- running

bool Scheduler::may_run_inline(Lane& lane) noexcept {
  auto& executor = lane.executor();
  // A lane whose last completion is still being told must not run again below it on the same stack.
  if (lane.callbacks > 0 || lane.ahead || options_.inline_below <= Duration::zero()) return false;
  // How long a larger one takes is not known.
  if (lane.input_bytes > executor.quick_bytes) return false;
  if (executor.run_time() < options_.inline_below) return true;
  if (executor.run_time() >= options_.inline_below * kTrialFactor || ++executor.since_inline < kInlineTrial)
    return false;
  executor.since_inline = 0;
  return true;
}

// After a run that went well: what size of input the device is known to take, and quickly.
void Scheduler::note_size(const Lane& lane, Duration took) noexcept {
  auto& executor = lane.executor();
  executor.fitting_bytes = std::max(executor.fitting_bytes, lane.input_bytes);
  if (took < options_.inline_below * kTrialFactor) {
    executor.quick_bytes = std::max(executor.quick_bytes, lane.input_bytes);
  } else if (lane.input_bytes <= executor.quick_bytes) {
    executor.quick_bytes = lane.input_bytes / 2;
  }
}

// Takes the results of an ended run and lets go of its buffers.
void Scheduler::conclude(Lane& lane, Status& status) noexcept {
  const auto now = Clock::now();
  for (auto* item = lane.batch().front(); item; item = WorkList::next(*item)) item->times.finished = now;
  leave_out_wait(lane);
  if (status.ok()) {
    count_run(metrics_, lane, now);
    status = lane.collect(pool_);
    const auto took = Clock::now() - now;
    metrics_.stat_compute_output.add(took);
    counters_of_batch(metrics_, lane).output_ns.fetch_add(nanoseconds(took), std::memory_order_relaxed);
  }
  lane.release();
}

// Ends the lane's batch: items go to done with their status, or back to their place in the queue for another attempt.
// relief: the device may get more memory, and the batch is to run there once more.
Scheduler::Incident Scheduler::settle(Lane& lane, const Status& status, bool relief, WorkList& done) noexcept {
  auto& executor = lane.executor();
  metrics_.infer_req_active.fetch_sub(1, std::memory_order_relaxed);
  const auto ended = lane.batch().front()->times.finished;
  metrics_.device_use[std::min(executor.position, observability::kMaxDevices - 1)].end(ended);
  executor.last_use = ended;
  executor.begin_ahead(lane, ended);
  Incident incident;
  relief = relief && hopes_for_relief(lane) && pause_for_memory(lane, ended, incident);
  if (status.ok()) {
    executor.observe_run(ended - lane.prepared);
    note_size(lane, ended - lane.prepared);
    executor.memory_strikes = 0;
    incident = relax(executor, ended);
  } else if (!relief) {
    incident = judge(lane, status);
  }
  if (incident.kind == Incident::Kind::kNone) incident = judge_rows(executor);
  WorkList again;
  const auto batch = lane.batch().size();
  while (auto* item = lane.batch().pop_front()) {
    item->lane_ = nullptr;
    if (relief && item->reliefs_ < kMaxReliefs && !item->cancelled.load(std::memory_order_relaxed)) {
      ++item->reliefs_;
      metrics_.request_retries.fetch_add(1, std::memory_order_relaxed);
      item->state_ = WorkItem::State::kQueued;
      again.push_back(*item);
      continue;
    }
    if (may_retry(lane, *item, status, batch)) {
      metrics_.request_retries.fetch_add(1, std::memory_order_relaxed);
      item->state_ = WorkItem::State::kQueued;
      // A batch that was too large is tried in halves first.
      if (batch == 1 || status.code() != StatusCode::kResourceExhausted || !lane.ran) ++item->attempts_;
      const bool refused = status.code() == StatusCode::kResourceExhausted || !lane.ran;
      if (batch == 1 && refused) item->avoid_ |= executor.mark();
      again.push_back(*item);
      continue;
    }
    item->state_ = WorkItem::State::kIdle;
    const bool late = status.code() == StatusCode::kCancelled && !item->cancelled.load(std::memory_order_relaxed);
    if (late && stopping_) {
      item->status = unavailable("Model " + options_.name + " is being unloaded");
    } else if (late && executor.retiring && item->deadline > ended) {
      item->status = executor.out ? outage_ : unavailable("Model " + options_.name + ": its device was taken off");
    } else if (late) {
      item->status = Status(StatusCode::kDeadlineExceeded, "Deadline exceeded");
    } else if (item->status.ok()) {
      item->status = executor.out && status.code() == StatusCode::kUnavailable ? outage_ : status;
    }
    done.push_back(*item);
  }
  while (auto* item = again.pop_front()) {
    queue_.put_back(*item);
    wake_at(item->deadline);  // for a run only the latest deadline of its batch is watched
  }
  publish_queue();
  if (incident.kind == Incident::Kind::kOut) strand(done);
  if (!status.ok()) reconsider();
  return incident;
}

bool Scheduler::hopes_for_relief(Lane& lane) noexcept {
  auto* item = lane.batch().front();
  while (item && item->reliefs_ >= kMaxReliefs) item = WorkList::next(*item);
  return item != nullptr;
}

bool Scheduler::may_retry(const Lane& lane, const WorkItem& item, const Status& status,
                          std::size_t batch) const noexcept {
  if (status.ok() || item.attempts_ >= kMaxAttempts || item.cancelled.load(std::memory_order_relaxed)) return false;
  const auto& executor = lane.executor();
  // One that sleeps is another device, too.
  const bool other = asleep_ || other_device(executor, item.avoid_);
  const bool elsewhere = device_coming_ || other;
  // A run that was stopped so that its device can go, and not because its time was up, moves on.
  if (lane.stopping) return executor.retiring && elsewhere && item.deadline > item.times.finished;
  if (batch > 1) return executor.usable() || elsewhere;
  // A value that this device's runtime cannot hold, another's may.
  if (!lane.ran) return status.code() == StatusCode::kInvalidArgument && other;
  if (status.code() == StatusCode::kUnavailable) return executor.out && elsewhere;
  if (status.code() != StatusCode::kResourceExhausted) return false;
  return executor.out ? elsewhere : other;
}

// Runs the lane's batch: on this thread when `here` (what waits behind it too, for a bounded time), else by starting
// it. Ends when the lane has no more work or a run is under way on the runtime's threads.
void Scheduler::drive(Lane& lane, bool here) noexcept {
  const auto until = here ? Clock::now() + options_.inline_below * 2 : TimePoint{};
  Status status;
  do {
    lane.ran = false;
    status = lane.prepare(pool_);
    lane.prepared = Clock::now();
    if (status.ok() && lane.stopping.load(std::memory_order_relaxed)) status = stopped_early();
    if (!status.ok()) continue;
    lane.ran = true;
    if (lane.prepared < until) {
      status = lane.run();
    } else if (!lane.start(status)) {
      return;  // from here on the lane belongs to whoever ends the run
    }
  } while (finish_here(lane, status));
}

// Ends a run that ended on this thread. The items are told before the lane takes more work, so that completions that
// submit anew cannot nest deeper than there are lanes. True when there is more work.
bool Scheduler::finish_here(Lane& lane, Status& status) noexcept {
  conclude(lane, status);
  const bool relief = may_relieve(lane, status);
  WorkList done;
  Incident incident;
  {
    const Lock lock(mutex_);
    ++active_;  // this thread
    incident = settle(lane, status, relief, done);
  }
  report(incident, status);
  if (!status.ok()) pump();  // the device may be lost, and its work waits for another
  const auto count = done.size();
  tell_each(done);
  WorkList dropped;
  bool more = false;
  {
    const Lock lock(mutex_);
    more = refill(lane, Clock::now(), dropped);
    leave(count + 1);
  }
  if (!dropped.empty()) tell(dropped, 0);
  return more;
}

void Scheduler::on_lane_done(Lane& lane, const Status& status) noexcept {
  auto result = status;
  conclude(lane, result);
  const bool relief = may_relieve(lane, result);
  WorkList done;
  Incident incident;
  bool more = false;
  {
    const Lock lock(mutex_);
    ++active_;  // this thread
    ++lane.callbacks;
    incident = settle(lane, result, relief, done);
    more = refill(lane, Clock::now(), done);
  }
  // The device works again before anybody is told.
  if (more) drive(lane, false);
  report(incident, result);
  if (!result.ok()) pump();
  const auto count = done.size();
  tell_each(done);
  const Lock lock(mutex_);
  if (--lane.callbacks == 0 && lane.executor().retiring) quiet_.notify_all();
  leave(count + 1);
}

// Gives work to every free lane. The caller counts itself in active_.
void Scheduler::pump() noexcept {
  while (true) {
    WorkList dropped;
    Lane* lane = nullptr;
    {
      const Lock lock(mutex_);
      lane = next_work(Clock::now(), dropped);
    }
    if (lane) drive(*lane, false);
    if (!dropped.empty()) tell(dropped, 0);
    if (!lane) return;
  }
}

}  // namespace ocelli::scheduling
