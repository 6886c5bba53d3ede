// Executor: one device of a model's plan: its compiled forms and its lanes.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "scheduling/batch_notes.hpp"
#include "scheduling/lane.hpp"

namespace ocelli::scheduling {

// Compiles the model of one device again with another extent of the batch dimension. Called while the model loads.
using BatchCompiler = std::function<Result<std::shared_ptr<CompiledModel>>(std::uint32_t items)>;

// A device as it is handed to the scheduler.
struct ExecutorSpec {
  std::shared_ptr<CompiledModel> model;
  // Runs in flight at once; 0: what the device says fills it.
  std::uint32_t lanes = 0;
  // For models whose batch is fixed at 1; may be empty.
  BatchCompiler compile_for_batch;
  // The device's place in the plan: its priority, lowest number first, and where ServableMetrics counts it. Empty:
  // behind all that are there.
  std::optional<std::size_t> position{};
  // Decided when the model was on this device before: it is warmed up, and nothing is measured again.
  std::optional<BatchFindings> decided{};
  // Where what measuring finds out is kept for the next start; null: nowhere.
  std::shared_ptr<const BatchNotes> notes{};
  // It may serve for a moment only, until a better device is ready, and is to serve at once: what batching does is
  // taken from an earlier start or left open (Executor::unmeasured).
  bool provisional = false;
};

// Made while loading, then guarded by the scheduler's lock.
class Executor {
 public:
  // Errors: those of CompiledModel::create_request.
  static Result<std::unique_ptr<Executor>> create(ExecutorSpec spec, LaneObserver& observer);

  [[nodiscard]] const CompiledModel& model() const noexcept { return *variants_.front().model; }
  [[nodiscard]] const std::vector<CompiledVariant>& variants() const noexcept { return variants_; }
  [[nodiscard]] const std::vector<std::unique_ptr<Lane>>& lanes() const noexcept { return lanes_; }
  [[nodiscard]] const BatchNotes* notes() const noexcept { return notes_.get(); }
  [[nodiscard]] const BatchCompiler& batch_compiler() const noexcept { return compile_for_batch_; }
  // What its compiled forms take of the device's memory, as far as it is known.
  [[nodiscard]] std::uint64_t memory_bytes() const noexcept;

  // Replaces the compiled forms beside the first one, and marks the first one's outputs as known per item. Only while
  // nothing runs.
  Status set_variants(std::vector<CompiledVariant> extra, bool items_known, LaneObserver& observer);

  // Batch sizes in use, ascending, beginning with 1.
  std::vector<std::uint32_t> sizes{1};
  // The model itself takes any number of items; several requests may be joined freely up to the largest size.
  bool any_size = false;
  // The model's outputs follow the number of items; known once it was measured.
  bool follows_items = false;
  // Measuring is left to Scheduler::measure(), which makes another executor of the same model.
  bool provisional = false;
  // What batching does was left open.
  bool unmeasured = false;
  // Why requests are not batched, or on fewer items than were asked for; empty: as was asked for.
  std::string batching_note{};
  // How long the first runs took before it served, and finding out what batching does.
  Duration warm_up{};
  Duration measuring{};
  // What is taken over instead of being measured; empty: nothing.
  std::optional<BatchFindings> decided{};
  // As it was handed over, but no longer provisional. Only of one that is unmeasured, whose model has no other forms.
  [[nodiscard]] ExecutorSpec spec() const;
  // Writes down in the notes that requests are not to be batched, for when a run shows it; empty: there are no notes.
  std::function<void()> note_unbatched{};
  // Makes that ready. settings: as the notes were asked for; single: one run of one item.
  void prepare_note(std::string settings, Duration single);

  // Whether `requests` requests of `items` items together may run as one batch.
  [[nodiscard]] bool accepts(std::uint32_t items, std::size_t requests) const noexcept;

  // From now on every request runs alone and the runtime keeps its outputs, because a run gave other rows than it was
  // given.
  void stop_batching() noexcept {
    sizes.resize(1);
    any_size = false;
    follows_items = false;
  }

  // Most items that a run may have: the largest size in use, less after the device ran out of memory.
  [[nodiscard]] std::uint32_t largest() const noexcept { return std::min(sizes.back(), items_limit); }

  // Null when all lanes are busy.
  Lane* take_free() noexcept;
  void give_back(Lane& lane) noexcept;
  [[nodiscard]] std::size_t taken() const noexcept { return taken_; }
  // Runs that the device's streams begin at once. Lanes beyond them are ahead: their runs wait inside the runtime (see
  // ExecutionInfo::requests_ahead).
  [[nodiscard]] std::size_t at_once() const noexcept { return at_once_; }
  // One more run would begin at once.
  [[nodiscard]] bool has_free() const noexcept { return taken_ < at_once_; }
  // A run has ended, of a lane that is still taken: the first of those that waited inside the runtime begins now.
  void begin_ahead(Lane& ended, TimePoint now) noexcept;
  // Takes work.
  [[nodiscard]] bool usable() const noexcept { return !out && !retiring; }
  // A run that is begun now begins there at once.
  [[nodiscard]] bool available() const noexcept { return usable() && !paused && has_free(); }
  // The device works in the host's memory. What a run lacks there was not lost with the device, and no other device has
  // more of it: the request itself may be too large.
  [[nodiscard]] bool in_host_memory() const noexcept;
  // Its bit in WorkItem::avoid_; devices beyond the 32nd share the last one.
  [[nodiscard]] std::uint32_t mark() const noexcept { return 1U << std::min<std::size_t>(position, 31); }
  // Nobody is at work on any lane, nor about to touch one.
  [[nodiscard]] bool quiet() const noexcept;

  // Smoothed duration of a run of one request, from start to end; Duration::max() before the first.
  void observe_run(Duration took) noexcept;
  [[nodiscard]] Duration run_time() const noexcept { return run_time_; }

  // A run gave an output with another number of rows than its items had. Set by lanes, without the lock.
  std::atomic<bool> rows_differ{false};

  // --- kept by the scheduler, under its lock
  bool rows_differ_told = false;
  std::size_t position = 0;
  bool out = false;                // the device was lost; its lanes take no more work
  bool retiring = false;           // is to be destroyed as soon as it is quiet
  bool paused = false;             // memory is being freed for it; it takes no work until that is done
  TimePoint last_use{};            // begin or end of its last run, or when it came
  std::uint32_t users = 0;         // threads that walk over its lanes without the lock
  std::uint32_t since_inline = 0;  // runs since the last one that was tried on the submitter's own thread
  // Most input bytes of a run that went well, and of one that was quick enough for the submitter's own thread.
  std::size_t fitting_bytes = 0;
  std::size_t quick_bytes = 0;
  // Out of memory: the limit that was set, when it may be doubled, and failures of single runs in a row.
  std::uint32_t items_limit = std::numeric_limits<std::uint32_t>::max();
  TimePoint limit_until{};
  std::uint32_t memory_strikes = 0;
  // Out of memory: when memory may be freed for it again, because freeing it just before did not help.
  TimePoint relief_at{};

 private:
  Executor() = default;
  Status make_lanes(LaneObserver& observer);

  std::vector<CompiledVariant> variants_;
  BatchCompiler compile_for_batch_;
  std::shared_ptr<const BatchNotes> notes_;
  std::uint32_t asked_lanes_ = 0;  // ExecutorSpec::lanes
  std::uint32_t lane_count_ = 1;
  std::uint32_t at_once_ = 1;                 // of them, how many runs the device's streams begin at once
  std::vector<std::unique_ptr<Lane>> lanes_;  // after variants_: requests go before their models
  Lane* free_ = nullptr;
  std::size_t taken_ = 0;  // lanes that are not free
  Duration run_time_ = Duration::max();
};

}  // namespace ocelli::scheduling
