// Scheduler: the bounded queue of one version of a model and the devices that pull from it.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "observability/servable_metrics.hpp"
#include "scheduling/batching.hpp"
#include "scheduling/device_watch.hpp"
#include "scheduling/executor.hpp"
#include "scheduling/timer.hpp"
#include "scheduling/work_list.hpp"

namespace ocelli::scheduling {

// What a scheduler knows about one of its devices at this moment. A plain value.
struct DeviceUsage {
  bool idle = false;  // nothing runs there, and nothing waits
  TimePoint last_use{};
  std::uint64_t memory_bytes = 0;  // of all its compiled forms, as far as it is known
  BatchFindings batching;
  bool unmeasured = false;  // it came provisionally, and what batching does was left open
  // See Executor; the findings' remark is its note.
  Duration warm_up{};
  Duration measuring{};
};

// How one model version is scheduled. A plain value.
struct SchedulerOptions {
  // The model's name, for messages.
  std::string name;
  // Requests that may wait (those that run are not counted); one more is refused with kResourceExhausted.
  std::size_t queue_limit = 10'000;
  BatchingOptions batching;
  // Models that run faster than this run on the submitting thread: waking another would cost more. Zero: never.
  Duration inline_below = std::chrono::microseconds(100);
  // How long batches stay halved after their device ran out of memory; then they may double again, once in such a time.
  Duration halved_for = std::chrono::seconds(30);
};

// Thread-safe. Every submitted item completes exactly once. The order is: higher priority first, then first come, first
// served. A free lane of the device with the lowest position is preferred; a lane that ends pulls the next work at
// once, which is why the throughput of several devices adds up. In the steady state nothing is allocated.
//
// A run that fails with kUnavailable (device lost) takes its device out of use while another device is left or somebody
// watches who can bring it back, and its items move on. A batch that fails with kResourceExhausted is halved; an item
// that is too large for a device on its own goes to the next one, and a device that fails so twice in a row is taken
// out. A batch that fails otherwise is run again item by item, so that one bad request does not harm its neighbours. So
// is a batch of which an output has another number of rows than the batch had, and from then on that device runs every
// request alone.
class Scheduler final : private LaneObserver, private TimerClient {
 public:
  // timer, pool and metrics must outlive the scheduler.
  Scheduler(SchedulerOptions options, Timer& timer, BufferPool& pool, observability::ServableMetrics& metrics, Log log);
  // Refuses what comes, fails what waits and waits for what runs. Must not run on a thread that completes work.
  ~Scheduler();

  // Who is told what happens to the devices; must outlive the scheduler. Only before the first device is added.
  void watch(DeviceWatch& watch) noexcept { watch_ = &watch; }

  // One more device. While serving is allowed. Blocks while it is warmed up and batching is measured. Errors: the
  // device cannot make requests, or its first run fails with kUnavailable or kResourceExhausted.
  Status add(ExecutorSpec spec);
  // Measures what was left open when the device came (DeviceUsage::unmeasured), while it goes on serving, and then
  // serves it by what was found. Blocks as add() does; its errors, too, after which everything is as before. Nothing
  // happens when nothing was left open.
  Status measure(std::size_t position);
  // Gives the device no more work, waits until what runs there has ended, after limit asks it to stop, and then
  // destroys the device and its model. False when something still runs there a while later: it is destroyed with the
  // next one that is removed, or with the scheduler. Not on a thread that completes work.
  bool remove(std::size_t position, Duration limit) noexcept;
  // Takes the device out at once, like remove(), if it was not used after `since`, nothing runs there and nothing
  // waits; that is decided under the lock that requests come in by. False: it stays as it is.
  bool remove_unused(std::size_t position, TimePoint since) noexcept;
  // coming: when no device is left, work waits, because another one will be added soon. Else, the default, it fails
  // with kUnavailable, and the reason `why` where one is given. asleep: a device was taken out that is to be added
  // again when work waits for a lane, or is on its way back; the watch is told then. To what another device cannot run
  // it counts as one that may.
  void expect_device(bool coming, bool asleep = false, const Status& why = {}) noexcept;
  // The device that waits after DeviceWatch::on_device_full() goes on.
  void resume(std::size_t position) noexcept;

  // Empty when the device is not here.
  [[nodiscard]] std::optional<DeviceUsage> usage(std::size_t position) const;
  // Requests that wait for a lane now.
  [[nodiscard]] std::size_t waiting() const;

  // The item's work must be filled and fit the signature. Refusals (kUnavailable after drain, kResourceExhausted,
  // kDeadlineExceeded) are told through the completion too.
  void submit(WorkItem& item) noexcept;
  // The item must not have been told yet; the caller makes sure of that. A waiting item completes within this call.
  void cancel(WorkItem& item) noexcept;

  // Accepts nothing more and waits until all work has been told, for at most limit; then fails what waits and asks what
  // runs to stop, both with kUnavailable. True when nothing is left.
  bool drain(Duration limit) noexcept;

  // The model of the first device in use; null without one.
  [[nodiscard]] std::shared_ptr<CompiledModel> first_model() const;
  // Lanes of all devices.
  [[nodiscard]] std::size_t lane_count() const;

 private:
  using Lock = std::unique_lock<std::mutex>;
  using Executors = std::vector<std::unique_ptr<Executor>>;

  // Something that the watch is to be told once the lock is released.
  struct Incident {
    enum class Kind : std::uint8_t { kNone, kOut, kLimited, kRelaxed, kUnbatched, kFull };
    Kind kind = Kind::kNone;
    std::size_t position = 0;
    std::uint32_t items = 0;
    std::function<void()> note{};  // kUnbatched: see DeviceWatch
  };

  void on_lane_done(Lane& lane, const Status& status) noexcept override;
  void on_timer(TimePoint now) noexcept override;

  // With the lock held.
  Status admit(const WorkItem& item, TimePoint now) const;
  void wake_at(TimePoint when) noexcept;
  void pin_to_stop(Lane& lane) noexcept;
  Lane* next_work(TimePoint now, WorkList& dropped) noexcept;
  bool has_room(const Executor& executor, std::size_t busy, TimePoint now) const noexcept;
  bool ready(const Executor& executor, TimePoint now) noexcept;
  bool fill(Lane& lane, TimePoint now, WorkList& dropped) noexcept;
  void take_batch(Lane& lane, WorkItem& head) noexcept;
  static bool runs_alone(const WorkItem& item) noexcept;
  static bool joins(const Executor& executor, const WorkItem& item) noexcept;
  static TimePoint latest_start(const Executor& executor, const WorkItem& item) noexcept;
  void note_size(const Lane& lane, Duration took) noexcept;
  bool refill(Lane& lane, TimePoint now, WorkList& dropped) noexcept;
  bool may_run_inline(Lane& lane) noexcept;
  Incident settle(Lane& lane, const Status& status, bool relief, WorkList& done) noexcept;
  bool may_retry(const Lane& lane, const WorkItem& item, const Status& status, std::size_t batch) const noexcept;
  static bool hopes_for_relief(Lane& lane) noexcept;
  bool pause_for_memory(Lane& lane, TimePoint now, Incident& incident) noexcept;
  bool must_wake() noexcept;
  void reconsider() noexcept;
  bool other_device(const Executor& executor, std::uint32_t avoid) const noexcept;
  Incident judge(Lane& lane, const Status& status) noexcept;
  Incident judge_rows(Executor& executor) noexcept;
  Incident relax(Executor& executor, TimePoint now) const noexcept;
  void strand(WorkList& stranded) noexcept;
  void publish_lanes() noexcept;
  static WorkItem* first_for(const Executor& executor, const WorkList& queue) noexcept;
  TimePoint expire_waiting(TimePoint now, WorkList& expired) noexcept;
  void leave(std::size_t count) noexcept;
  void publish_queue() noexcept;

  void insert(std::unique_ptr<Executor> executor);
  Executors::const_iterator find(std::size_t position) const noexcept;

  // Without the lock.
  Status tune(Executor& executor);
  bool drain_retiring(std::size_t position, Duration limit) noexcept;
  void report(Incident& incident, const Status& why) noexcept;
  bool may_relieve(const Lane& lane, const Status& status) noexcept;
  void wake_sleeper() noexcept;
  static void await_idle(const Executor& executor) noexcept;
  void drive(Lane& lane, bool here) noexcept;
  bool finish_here(Lane& lane, Status& status) noexcept;
  void conclude(Lane& lane, Status& status) noexcept;
  void pump() noexcept;
  template <typename Predicate>
  void stop_runs(const Predicate& wanted) noexcept;
  void stop_expired_runs(TimePoint now, TimePoint& next) noexcept;
  void stop_retiring_runs(std::size_t position) noexcept;
  void stop_run(Lane& lane) noexcept;
  void tell(WorkList& done, std::size_t others) noexcept;
  static void tell_each(WorkList& done) noexcept;

  const SchedulerOptions options_;
  Timer& timer_;
  BufferPool& pool_;
  observability::ServableMetrics& metrics_;
  const Log log_;

  mutable std::mutex mutex_;
  std::condition_variable idle_;
  std::condition_variable quiet_;  // an executor that retires may have become quiet
  Executors executors_;            // by position
  DeviceWatch* watch_ = nullptr;
  bool device_coming_ = false;
  bool asleep_ = false;      // a device was taken out until work waits
  bool told_awake_ = false;  // the watch knows that work waits
  Status outage_;            // why the last device went out
  WorkList queue_;
  // Items that were accepted and whose telling has not returned, plus threads that are inside for another reason. The
  // scheduler is not destroyed while it is above zero, so a thread may touch it only while it holds an item that
  // counts, or counts itself.
  std::size_t active_ = 0;
  TimePoint armed_ = kNever;
  bool stopping_ = false;
};

}  // namespace ocelli::scheduling
