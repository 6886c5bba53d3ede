// The runs that BatchProbe makes, and what they show.
#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "scheduling/batch_probe.hpp"
#include "scheduling/bounded_run.hpp"
#include "scheduling/closed_loop.hpp"
#include "scheduling/synthetic_batch.hpp"

namespace ocelli::scheduling {
namespace {

constexpr int kRounds = 3;
constexpr double kTolerance = 1e-3;
constexpr double kBf16Tolerance = 2e-2;
// How long warming up more lanes than the first may take together.
constexpr Duration kWarmUpLimit = std::chrono::milliseconds(250);
// A model this fast gains nothing from being batched: gathering and handing out costs as much.
constexpr Duration kTooFastToBatch = std::chrono::microseconds(100);
// Single runs that are timed to find that out, and how long they may take together: one that was disturbed says too
// much, none says too little.
constexpr int kReadings = 9;
constexpr Duration kReadingLimit = std::chrono::milliseconds(10);

}  // namespace

// The first run of a request is slow in every runtime. False when the model refuses made-up inputs or takes too long.
bool BatchProbe::warm_up(const std::optional<BatchFindings>& known) {
  const SyntheticBatch batch(executor_.model().signature(), 1, false);
  const auto begun = Clock::now();
  for (const auto& lane : executor_.lanes() | std::views::take(executor_.at_once())) {
    if (lane != executor_.lanes().front() && Clock::now() - begun > kWarmUpLimit) break;
    auto& request = lane->first_request();
    auto start = Clock::now();
    if (!batch.bind(request).ok()) return false;
    failure_ = BoundedRun().run(request, options_.probe_limit);
    if (!failure_.ok()) return false;
    executor_.fitting_bytes = batch.bytes();
    if (lane == executor_.lanes().front()) {
      single_ = Clock::now() - start;
      start = Clock::now();
      if (known && known->single > Duration::zero()) {
        single_ = known->single;
      } else if (single_ < kWarmUpLimit) {
        if (!request.run().ok()) return false;
        single_ = Clock::now() - start;
      }
      executor_.observe_run(single_);
    }
    if (!request.reset_state().ok()) return false;
  }
  return true;
}

// Whether one run takes less than batching costs: the shortest of a few.
bool BatchProbe::is_too_fast() {
  const SyntheticBatch batch(executor_.model().signature(), 1, false);
  auto& request = executor_.lanes().front()->first_request();
  const auto begun = Clock::now();
  if (!batch.bind(request).ok()) return single_ < kTooFastToBatch;
  for (int i = 0; i < kReadings && single_ >= kTooFastToBatch && Clock::now() - begun < kReadingLimit; ++i) {
    const auto start = Clock::now();
    if (!request.run().ok()) break;
    single_ = std::min(single_, Clock::now() - start);
  }
  return single_ < kTooFastToBatch;
}

Status BatchProbe::other_rows() { return failed_precondition("its outputs do not have the inputs' rows"); }

// OK when a run of so many items gives outputs of as many rows; else the reason, with kResourceExhausted where the
// device had no memory for it.
Status BatchProbe::run_rows(std::uint32_t items) {
  auto& request = executor_.lanes().front()->first_request();
  const SyntheticBatch batch(executor_.model().signature(), items, true);
  auto status = batch.bind(request);
  if (status.ok()) status = request.run();
  if (!status.ok()) return {status.code(), fmt::format("a run of {} items failed: {}", items, status.message())};
  for (std::size_t i = 0; i < executor_.model().signature().outputs.size(); ++i) {
    const auto output = request.output(i);
    if (!output.ok() || output->shape.rank() == 0 || output->shape[0] != items) return other_rows();
  }
  return {};
}

// Whether outputs have the inputs' rows: with three items, or with two where that is all that the model, or the
// device's memory, takes.
Status BatchProbe::try_rows() {
  const auto three = [](const TensorSpec& input) { return input.shape.dims[0].accepts(3); };
  const bool take_three = std::ranges::all_of(executor_.model().signature().inputs, three);
  auto status = run_rows(take_three ? 3 : 2);
  if (take_three && status.code() == StatusCode::kResourceExhausted) {
    log_.info("Model {}: {}; two are tried", name_, status.message());
    status = run_rows(2);
  }
  return status.ok() ? run_rows(1) : status;
}

// None when every item gives the same results alone and in company.
BatchProbe::Objection BatchProbe::contamination(const Candidate& candidate) {
  const auto& signature = executor_.model().signature();
  const auto items = candidate.items;
  const bool coarse = executor_.model().info().precision == "BF16";
  const double tolerance = coarse ? kBf16Tolerance : kTolerance;
  const SyntheticBatch batch(signature, items, true);
  auto together = candidate.model->create_request();
  if (!together.ok()) return {std::string(together.status().message()), false};
  if (auto status = batch.bind(**together); !status.ok()) return {std::string(status.message()), false};
  if (auto status = (*together)->run(); !status.ok()) {
    const bool too_large = status.code() == StatusCode::kResourceExhausted;
    return {fmt::format("a run of {} items failed: {}", items, status.message()), false, too_large};
  }
  auto& alone = executor_.lanes().front()->first_request();
  // The first and the last item show mixing as well as all would, and cost two runs.
  for (const auto index : {0u, items - 1}) {
    if (!SyntheticBatch::bind(alone, batch.item(index)).ok() || !alone.run().ok())
      return {"a single run failed", false};
    for (std::size_t i = 0; i < signature.outputs.size(); ++i) {
      const auto single = alone.output(i);
      auto whole = (*together)->output(i);
      if (!single.ok() || !whole.ok() || whole->shape.rank() == 0 || whole->shape[0] != items)
        return {"outputs do not follow the batch"};
      TensorView slice = *whole;
      slice.bytes /= items;
      slice.data += slice.bytes * index;
      const double difference = relative_difference(*single, slice);
      if (difference > tolerance) {
        return {fmt::format("contamination: output {} of an item differs by {:.2g} between a batch of {} and alone",
                            signature.outputs[i].name, difference, items)};
      }
    }
  }
  return {};
}

// Rounds over all candidates, so that a disturbance of the machine meets each of them.
void BatchProbe::measure(std::vector<Candidate>& candidates) {
  for (auto& candidate : candidates) candidate.rates.clear();
  const auto left = std::max(until_ - Clock::now(), Duration::zero());
  const auto slice = left / static_cast<int>(kRounds * candidates.size() * (any_size_ ? 1 : 2));
  for (int round = 0; round < kRounds; ++round) {
    for (auto& candidate : candidates) {
      if (round > 0 && out_of_time()) return;
      candidate.rates.push_back(rate(candidate, slice));
    }
  }
}

double BatchProbe::rate(const Candidate& candidate, Duration slice) {
  const SyntheticBatch batch(executor_.model().signature(), candidate.items, true);
  std::vector<std::unique_ptr<InferRequest>> requests;
  for (std::size_t i = 0; i < executor_.lanes().size(); ++i) {
    auto request = candidate.model->create_request();
    if (!request.ok() || !batch.bind(**request).ok()) return 0;
    requests.push_back(std::move(request).value());
  }
  if (!requests.front()->run().ok()) return 0;
  return ClosedLoop(requests.size()).run(requests, slice) * candidate.items;
}

}  // namespace ocelli::scheduling
