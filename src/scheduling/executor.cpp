#include "scheduling/executor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <string_view>
#include <utility>

namespace ocelli::scheduling {

Result<std::unique_ptr<Executor>> Executor::create(ExecutorSpec spec, LaneObserver& observer) {
  std::unique_ptr<Executor> executor(new Executor);
  const auto& info = spec.model->info();
  executor->asked_lanes_ = spec.lanes;
  executor->at_once_ = spec.lanes != 0 ? spec.lanes : std::max<std::uint32_t>(1, info.optimal_requests);
  executor->lane_count_ = executor->at_once_ + (spec.lanes != 0 ? 0 : info.requests_ahead);
  executor->compile_for_batch_ = std::move(spec.compile_for_batch);
  executor->decided = std::move(spec.decided);
  executor->notes_ = std::move(spec.notes);
  executor->provisional = spec.provisional;
  auto outputs = plan_outputs(spec.model->signature(), false);
  executor->variants_.push_back({0, std::move(spec.model), std::move(outputs)});
  if (auto status = executor->make_lanes(observer); !status.ok()) return status;
  return executor;
}

Status Executor::set_variants(std::vector<CompiledVariant> extra, bool items_known, LaneObserver& observer) {
  free_ = nullptr;
  taken_ = 0;
  lanes_.clear();
  variants_.resize(1);
  variants_.front().items = extra.empty() ? 0 : 1;
  variants_.front().outputs = plan_outputs(model().signature(), items_known);
  std::ranges::move(extra, std::back_inserter(variants_));
  return make_lanes(observer);
}

ExecutorSpec Executor::spec() const {
  ExecutorSpec again;
  again.model = variants_.front().model;
  again.lanes = asked_lanes_;
  again.compile_for_batch = compile_for_batch_;
  again.position = position;
  again.notes = notes_;
  return again;
}

void Executor::prepare_note(std::string settings, Duration single) {
  if (!notes_) return;
  auto remark =
      fmt::format("requests are not batched on {}: a run gave other rows than it was given", model().info().device);
  note_unbatched = [notes = notes_, asked = std::move(settings),
                    found = BatchFindings{false, {1}, single, std::move(remark)}] { notes->keep(asked, found); };
}

Status Executor::make_lanes(LaneObserver& observer) {
  for (std::uint32_t i = 0; i < lane_count_; ++i) {
    auto lane = Lane::create(*this, variants_, observer);
    if (!lane.ok()) return std::move(lane).status();
    lanes_.push_back(std::move(lane).value());
  }
  // Last in, first out: the lane that ran most recently has the warmest memory.
  taken_ = lanes_.size();
  for (auto& lane : std::views::reverse(lanes_)) give_back(*lane);
  return {};
}

bool Executor::accepts(std::uint32_t items, std::size_t requests) const noexcept {
  if (requests == 1) return true;
  if (items > items_limit) return false;
  // Keeping to the measured sizes bounds the number of shapes that a runtime has to prepare for.
  if (items == requests) return std::ranges::find(sizes, items) != sizes.end();
  return any_size && items <= sizes.back();
}

std::uint64_t Executor::memory_bytes() const noexcept {
  std::uint64_t bytes = 0;
  for (const auto& variant : variants_) bytes += variant.model->info().memory_bytes;
  return bytes;
}

Lane* Executor::take_free() noexcept {
  auto* lane = free_;
  if (!lane) return nullptr;
  free_ = lane->next_free;
  ++taken_;
  return lane;
}

bool Executor::in_host_memory() const noexcept {
  const std::string_view device = model().info().device;
  return device == "CPU" || device.starts_with("ARMNN.Cpu");
}

bool Executor::quiet() const noexcept {
  const auto untouched = [](const auto& lane) { return lane->pins == 0 && lane->callbacks == 0; };
  return taken_ == 0 && users == 0 && std::ranges::all_of(lanes_, untouched);
}

void Executor::give_back(Lane& lane) noexcept {
  lane.next_free = free_;
  free_ = &lane;
  --taken_;
}

void Executor::begin_ahead(Lane& ended, TimePoint now) noexcept {
  if (lanes_.size() == at_once_) return;  // none can be ahead
  ended.ahead = false;
  Lane* first = nullptr;
  for (const auto& lane : lanes_) {
    if (lane->ahead && (!first || lane->taken < first->taken)) first = lane.get();
  }
  if (!first) return;
  first->ahead = false;
  first->begun.store(now, std::memory_order_relaxed);
}

void Executor::observe_run(Duration took) noexcept {
  if (run_time_ == Duration::max()) {
    run_time_ = took;
  } else {
    // Follows an improvement quickly (first runs are slow) and a disturbance slowly.
    const int weight = took < run_time_ ? 2 : 16;
    run_time_ += (took - run_time_) / weight;
  }
}

}  // namespace ocelli::scheduling
