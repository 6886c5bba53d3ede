// Admission, cancellation, deadlines and the end; scheduler_run.cpp has the way of an item through a device,
// scheduler_devices.cpp how devices come and go.
#include "scheduling/scheduler.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ocelli::scheduling {
namespace {

// Wake-ups for deadlines are not closer together than this.
constexpr Duration kDeadlineGrain = std::chrono::milliseconds(1);
// A runtime takes no notice of a cancel() that comes just before the run begins, so it is sent again while the run goes
// on: after this, then after twice as long each time.
constexpr Duration kStopAgain = std::chrono::milliseconds(20);
constexpr std::uint8_t kMaxStops = 8;

// Threads that only look whether there is work are gone again long before that.
constexpr Duration kPassing = std::chrono::seconds(1);

Status expired_status() { return {StatusCode::kDeadlineExceeded, "Deadline exceeded"}; }
Status cancelled_status() { return {StatusCode::kCancelled, "Request was cancelled"}; }

bool has_rows(const Work& work) noexcept {
  return work.items > 0 && std::ranges::all_of(work.inputs, [&](const TensorView& input) {
           return input.shape.rank() > 0 && input.shape[0] == work.items;
         });
}

}  // namespace

Scheduler::Scheduler(SchedulerOptions options, Timer& timer, BufferPool& pool, observability::ServableMetrics& metrics,
                     Log log)
    : options_(std::move(options)), timer_(timer), pool_(pool), metrics_(metrics), log_(std::move(log)) {
  outage_ = unavailable(fmt::format("Model {} has no device", options_.name));
  timer_.add(*this);
}

Scheduler::~Scheduler() {
  drain(Duration::zero());
  {
    Lock lock(mutex_);
    idle_.wait(lock, [this] { return active_ == 0; });
  }
  timer_.remove(*this);
  for (const auto& executor : executors_) await_idle(*executor);
}

// --- admission

Status Scheduler::admit(const WorkItem& item, TimePoint now) const {
  if (stopping_) return unavailable(fmt::format("Model {} is being unloaded", options_.name));
  if (item.cancelled.load(std::memory_order_relaxed)) return cancelled_status();
  if (item.deadline <= now) return expired_status();
  const auto usable = [](const auto& executor) { return executor->usable(); };
  if (!device_coming_ && std::ranges::none_of(executors_, usable)) return outage_;
  if (queue_.size() < options_.queue_limit) return {};
  const auto available = [](const auto& executor) { return executor->available(); };
  if (std::ranges::any_of(executors_, available)) return {};
  return {StatusCode::kResourceExhausted,
          fmt::format("Too many requests are waiting for model {} - limit: {}", options_.name, options_.queue_limit)};
}

void Scheduler::submit(WorkItem& item) noexcept {
  const auto now = Clock::now();
  item.times.queued = now;
  item.times.started = item.times.finished = {};
  item.batch_size = 1;
  item.attempts_ = item.reliefs_ = 0;
  item.avoid_ = 0;
  item.by_rows_ = has_rows(item.work);
  Lane* lane = nullptr;
  bool accepted = false;
  bool here = false;
  bool wake = false;
  WorkList dropped;
  {
    const Lock lock(mutex_);
    item.status = admit(item, now);
    accepted = item.status.ok();
    if (accepted) {
      ++active_;
      item.state_ = WorkItem::State::kQueued;
      queue_.insert(item);
      wake_at(item.deadline);
      lane = next_work(now, dropped);
      here = lane && may_run_inline(*lane);
      wake = !lane && must_wake();
    }
  }
  // From here on an accepted item may already be gone, and with it the scheduler, unless its batch is in our hands.
  if (!accepted) return item.work.completion->on_work_done(item);
  if (!dropped.empty()) tell(dropped, 0);
  if (wake) wake_sleeper();
  if (!lane) return;
  drive(*lane, here);
}

// --- cancellation

void Scheduler::cancel(WorkItem& item) noexcept {
  Lane* lane = nullptr;
  WorkList waiting;
  {
    const Lock lock(mutex_);
    item.cancelled.store(true, std::memory_order_relaxed);
    if (item.state_ == WorkItem::State::kQueued) {
      queue_.remove(item);
      publish_queue();
      item.state_ = WorkItem::State::kIdle;
      item.status = cancelled_status();
      waiting.push_back(item);
    } else if (item.state_ == WorkItem::State::kRunning) {
      lane = item.lane_;
      for (const auto* other = lane->batch().front(); other && lane; other = WorkList::next(*other)) {
        if (!other->cancelled.load(std::memory_order_relaxed))
          lane = nullptr;  // its neighbours still want their answers
      }
      if (lane && lane->stopping) lane = nullptr;
      if (lane) pin_to_stop(*lane);
    }
  }
  if (!waiting.empty()) tell(waiting, 0);
  if (lane) stop_run(*lane);
}

// With the lock held: the run is to be asked to stop, by stop_run(). A pin counts in active_.
void Scheduler::pin_to_stop(Lane& lane) noexcept {
  lane.stopping.store(true, std::memory_order_relaxed);
  lane.stop_again = Clock::now() + kStopAgain * (1U << lane.stops);
  if (++lane.stops < kMaxStops) wake_at(lane.stop_again);
  ++lane.pins;
  ++active_;
}

// Asks a pinned run to stop. The pin keeps the lane from being used for another run before the runtime's cancel() has
// returned.
void Scheduler::stop_run(Lane& lane) noexcept {
  lane.cancel();
  WorkList dropped;
  bool more = false;
  {
    const Lock lock(mutex_);
    if (--lane.pins == 0 && lane.parked) {
      lane.parked = false;
      more = refill(lane, Clock::now(), dropped);
    }
    if (lane.executor().retiring) quiet_.notify_all();
  }
  if (more) drive(lane, false);
  tell(dropped, 1);
}

// --- deadlines

void Scheduler::wake_at(TimePoint when) noexcept {
  if (when >= armed_) return;
  armed_ = when;
  timer_.arm(*this, when);
}

TimePoint Scheduler::expire_waiting(TimePoint now, WorkList& expired) noexcept {
  TimePoint next = kNever;
  for (auto* item = queue_.front(); item;) {
    auto* following = WorkList::next(*item);
    if (item->deadline <= now) {
      queue_.remove(*item);
      item->state_ = WorkItem::State::kIdle;
      item->status = expired_status();
      expired.push_back(*item);
    } else {
      next = std::min(next, item->deadline);
    }
    item = following;
  }
  publish_queue();
  return next;
}

void Scheduler::on_timer(TimePoint now) noexcept {
  WorkList expired;
  TimePoint next;
  {
    const Lock lock(mutex_);
    armed_ = kNever;
    next = expire_waiting(now, expired);
    ++active_;
  }
  stop_expired_runs(now, next);
  pump();
  bool wake = false;
  {
    const Lock lock(mutex_);
    if (next != kNever) wake_at(std::max(next, now + kDeadlineGrain));
    wake = must_wake();
  }
  if (wake) wake_sleeper();
  tell(expired, 1);
}

// Stops the runs for which wanted(lane) holds. The lock is released while a runtime is asked to stop; executors may
// come and go meanwhile, but not the one that is walked over.
template <typename Predicate>
void Scheduler::stop_runs(const Predicate& wanted) noexcept {
  Lock lock(mutex_);
  // NOLINTNEXTLINE(modernize-loop-convert): an executor that comes meanwhile would make the loop's iterators invalid
  for (std::size_t e = 0; e < executors_.size(); ++e) {
    auto& executor = *executors_[e];
    ++executor.users;
    for (const auto& lane : executor.lanes()) {
      if (lane->batch().empty() || !wanted(*lane)) continue;
      pin_to_stop(*lane);
      lock.unlock();
      stop_run(*lane);
      lock.lock();
    }
    if (--executor.users == 0 && executor.retiring) quiet_.notify_all();
    // Others came or went meanwhile: once more from the first, so that none is left out.
    if (e >= executors_.size() || executors_[e].get() != &executor) e = static_cast<std::size_t>(-1);
  }
}

// Stops runs whose every item has passed its deadline, and those that were to stop and go on; next becomes the time
// when another run will be.
void Scheduler::stop_expired_runs(TimePoint now, TimePoint& next) noexcept {
  stop_runs([&](Lane& lane) {
    if (lane.stopping) {
      if (lane.stops >= kMaxStops) return false;
      if (lane.stop_again > now) next = std::min(next, lane.stop_again);
      return lane.stop_again <= now;
    }
    TimePoint last{};
    for (const auto* item = lane.batch().front(); item; item = WorkList::next(*item))
      last = std::max(last, item->deadline);
    if (last > now) next = std::min(next, last);
    return last <= now;
  });
}

void Scheduler::stop_retiring_runs(std::size_t position) noexcept {
  stop_runs([&](const Lane& lane) {
    return !lane.stopping && lane.executor().retiring && lane.executor().position == position;
  });
}

// --- the end

bool Scheduler::drain(Duration limit) noexcept {
  WorkList waiting;
  Lock lock(mutex_);
  stopping_ = true;
  const auto idle = [this] { return active_ == 0; };
  if (idle_.wait_for(lock, limit, idle)) return true;
  while (auto* item = queue_.pop_front()) {
    item->state_ = WorkItem::State::kIdle;
    item->status = unavailable(fmt::format("Model {} is being unloaded", options_.name));
    waiting.push_back(*item);
  }
  publish_queue();
  ++active_;
  lock.unlock();
  stop_runs([](const Lane& lane) { return !lane.stopping; });
  tell(waiting, 1);
  lock.lock();
  // Threads that are just passing through, such as the timer's, are gone in a moment.
  const bool runs = std::ranges::any_of(executors_, [](const auto& executor) {
    return std::ranges::any_of(executor->lanes(), [](const auto& lane) { return !lane->batch().empty(); });
  });
  return runs ? idle() : idle_.wait_for(lock, kPassing, idle);
}

// Call with the lock held; nothing may touch the scheduler after the lock is given back.
void Scheduler::leave(std::size_t count) noexcept {
  active_ -= count;
  if (active_ == 0) idle_.notify_all();
}

void Scheduler::publish_queue() noexcept {
  metrics_.queued_requests.store(static_cast<std::int64_t>(queue_.size()), std::memory_order_relaxed);
}

void Scheduler::tell_each(WorkList& done) noexcept {
  while (auto* item = done.pop_front()) item->work.completion->on_work_done(*item);
}

// Tells accepted items and lets go of them, and of `others` more counts in active_.
void Scheduler::tell(WorkList& done, std::size_t others) noexcept {
  const auto count = done.size() + others;
  tell_each(done);
  const Lock lock(mutex_);
  leave(count);
}

}  // namespace ocelli::scheduling
