// Executor: one device of a model's plan: its compiled forms and its lanes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

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
};

// Made while loading, then guarded by the scheduler's lock.
class Executor {
 public:
  // Errors: those of CompiledModel::create_request.
  static Result<std::unique_ptr<Executor>> create(ExecutorSpec spec, LaneObserver& observer);

  [[nodiscard]] const CompiledModel& model() const noexcept { return *variants_.front().model; }
  [[nodiscard]] const std::vector<CompiledVariant>& variants() const noexcept { return variants_; }
  [[nodiscard]] const std::vector<std::unique_ptr<Lane>>& lanes() const noexcept { return lanes_; }
  [[nodiscard]] const BatchCompiler& batch_compiler() const noexcept { return compile_for_batch_; }

  // Replaces the compiled forms beside the first one, and marks the first one's outputs as known per item. Only while
  // nothing runs.
  Status set_variants(std::vector<CompiledVariant> extra, bool items_known, LaneObserver& observer);

  // Batch sizes in use, ascending, beginning with 1.
  std::vector<std::uint32_t> sizes{1};
  // The model itself takes any number of items; several requests may be joined freely up to the largest size.
  bool any_size = false;

  // Whether `requests` requests of `items` items together may run as one batch.
  [[nodiscard]] bool accepts(std::uint32_t items, std::size_t requests) const noexcept;

  // Null when all lanes are busy.
  Lane* take_free() noexcept;
  void give_back(Lane& lane) noexcept;
  [[nodiscard]] bool has_free() const noexcept { return free_ != nullptr; }

  // Smoothed duration of a run of one request, from start to end; Duration::max() before the first.
  void observe_run(Duration took) noexcept;
  [[nodiscard]] Duration run_time() const noexcept { return run_time_; }

  // Place in the order in which devices were added; ServableMetrics counts by it.
  std::size_t position = 0;
  // The device was lost; its lanes take no more work.
  bool lost = false;
  // Runs since the last one that was tried on the submitter's own thread.
  std::uint32_t since_inline = 0;

 private:
  Executor() = default;
  Status make_lanes(LaneObserver& observer);

  std::vector<CompiledVariant> variants_;
  BatchCompiler compile_for_batch_;
  std::uint32_t lane_count_ = 1;
  std::vector<std::unique_ptr<Lane>> lanes_;  // after variants_: requests go before their models
  Lane* free_ = nullptr;
  Duration run_time_ = Duration::max();
};

}  // namespace ocelli::scheduling
