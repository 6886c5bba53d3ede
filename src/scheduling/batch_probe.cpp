#include "scheduling/batch_probe.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <ranges>

#include "scheduling/batch_signature.hpp"
#include "scheduling/synthetic_batch.hpp"

namespace ocelli::scheduling {
namespace {

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// Items per second against single runs: the median of the rounds' own ratios, because the machine may be twice as fast
// in one round as in the next.
double gain_of(const std::vector<double>& rates, const std::vector<double>& single) {
  std::vector<double> gains;
  for (std::size_t i = 0; i < std::min(rates.size(), single.size()); ++i) {
    if (single[i] > 0) gains.push_back(rates[i] / single[i]);
  }
  return median(std::move(gains));
}

}  // namespace

BatchProbe::BatchProbe(Executor& executor, LaneObserver& observer, const BatchingOptions& options, const Log& log,
                       std::string model)
    : executor_(executor), observer_(observer), options_(options), log_(log), name_(std::move(model)) {}

Status BatchProbe::run() {
  const auto begun = Clock::now();
  until_ = begun + options_.probe_limit;
  auto status = find_out();
  executor_.measuring = Clock::now() - begun - executor_.warm_up;
  return status;
}

Status BatchProbe::find_out() {
  const auto& signature = executor_.model().signature();
  if (!SyntheticBatch::possible(signature)) return impossible("inputs cannot be made up for it");
  const auto known = executor_.decided ? executor_.decided : noted();
  const auto begun = Clock::now();
  const bool ran = warm_up(known);
  executor_.warm_up = Clock::now() - begun;
  if (!ran) {
    // A device that is lost or too small already cannot serve; whatever else a made-up input meets, real ones may not.
    const auto code = failure_.code();
    if (code == StatusCode::kUnavailable || code == StatusCode::kResourceExhausted) return failure_;
    return impossible("it does not run with made-up inputs");
  }
  if (executor_.model().stateful()) return impossible("it keeps a state between runs");
  if (!batch_is_first_dimension(signature)) return impossible("the first dimension of its tensors is not the batch");
  executor_.prepare_note(settings(), single_);
  if (executor_.decided) return take_over(*executor_.decided);
  if (known) {
    bool followed = false;
    if (auto status = follow(*known, followed); followed || !status.ok()) return status;
  }
  if (executor_.provisional && options_.mode != BatchingMode::kOff && (open_first_dimension(signature) || compiles())) {
    executor_.unmeasured = true;
    return off("it may serve for a moment only", false);
  }
  return measure_all();
}

// Forms for more items than one can be made.
bool BatchProbe::compiles() const {
  return executor_.batch_compiler() && first_dimension_is_one(executor_.model().signature());
}

Status BatchProbe::measure_all() {
  const auto& signature = executor_.model().signature();
  if (out_of_time()) return off("a run takes too long to be measured", false);
  if (open_first_dimension(signature)) {
    if (!executor_.model().shapes_follow_inputs())
      return off("how many rows its outputs have may depend on what is in the inputs", true);
    if (const auto rows = outputs_take_as_many(signature) ? try_rows() : other_rows(); !rows.ok())
      return off(std::string(rows.message()), false);
    any_size_ = executor_.follows_items = true;
    if (auto status = executor_.set_variants({}, true, observer_); !status.ok()) return status;
  }
  const bool by_compiling = !any_size_ && compiles();
  if (options_.mode == BatchingMode::kOff || options_.max_items < 2 || !(any_size_ || by_compiling)) {
    if (!any_size_ && !by_compiling && options_.asked_for)
      return off("its shape or its file fixes how many rows it takes", true);
    keep("");
    return {};
  }
  if (options_.mode == BatchingMode::kAuto && is_too_fast()) return off("one run takes less than 0.1 ms", true);

  std::vector<Candidate> candidates;
  if (!add_candidate(1, candidates)) return off("the device cannot make more requests", false);
  auto room = std::numeric_limits<std::uint32_t>::max();  // the least that was too much
  for (const auto items : sizes()) {
    if (items >= room) continue;
    cut_short_ = out_of_time();
    if (cut_short_) break;
    if (!add_candidate(items, candidates)) {
      if (!form_too_large_) break;
      room = items;
      continue;
    }
    if (auto objection = contamination(candidates.back()); !objection.reason.empty()) {
      if (!objection.too_large) return off(objection.reason, objection.certain);
      log_.info("Model {}: no batch of {}: {}", name_, items, objection.reason);
      no_more_ = std::move(objection.reason);
      candidates.pop_back();
      room = items;
      continue;
    }
    if (any_size_ || options_.mode == BatchingMode::kOn) continue;
    // Compiling costs time and memory, so the first form has to show a gain before more are made.
    measure(candidates);
    if (gain_of(candidates.back().rates, candidates.front().rates) < options_.least_gain) break;
  }
  if (options_.mode == BatchingMode::kAuto && any_size_) measure(candidates);
  return choose(std::move(candidates));
}

// --- what is known from an earlier start

// What of the findings hangs on how batching is asked for; the rest of the key comes with the notes.
std::string BatchProbe::settings() const {
  return fmt::format("batching {}{} at most {} preferred {} gain {} limit {} lanes {}\n",
                     static_cast<int>(options_.mode), options_.asked_for ? " asked for" : "", options_.max_items,
                     fmt::join(options_.preferred_sizes, ","), options_.least_gain, options_.probe_limit.count(),
                     executor_.lanes().size());
}

std::optional<BatchFindings> BatchProbe::noted() const {
  return executor_.notes() ? executor_.notes()->find(settings()) : std::nullopt;
}

void BatchProbe::keep(std::string remark) const {
  if (executor_.notes()) executor_.notes()->keep(settings(), {any_size_, executor_.sizes, single_, std::move(remark)});
}

Status BatchProbe::follow(const BatchFindings& known, bool& followed) {
  const auto& signature = executor_.model().signature();
  const bool open = open_first_dimension(signature) && executor_.model().shapes_follow_inputs();
  if (known.any_size ? !open : known.sizes.size() > 1 && !compiles()) return {};
  any_size_ = executor_.follows_items = known.any_size;
  std::vector<Candidate> candidates;
  for (const auto items : known.sizes) {
    if (add_candidate(items, candidates)) continue;
    any_size_ = executor_.follows_items = false;
    return {};
  }
  if (any_size_) {
    if (auto status = executor_.set_variants({}, true, observer_); !status.ok()) return status;
  }
  followed = true;
  if (!known.remark.empty()) log_.info("Model {}: {} (found out at an earlier start)", name_, known.remark);
  if (candidates.size() > 1) return use(candidates);
  note(known.remark);
  return {};
}

// Where forms must be compiled, 4 comes first: it shows a gain better than 2 and is cheaper than 8.
std::vector<std::uint32_t> BatchProbe::sizes() const {
  std::uint32_t largest = options_.max_items;
  if (any_size_) {
    for (const auto& input : executor_.model().signature().inputs) {
      const auto bound = input.shape.dims[0].max;
      if (bound != Dimension::kUnbounded) largest = static_cast<std::uint32_t>(std::min<std::int64_t>(largest, bound));
    }
  }
  std::vector<std::uint32_t> all;
  const auto add = [&](std::uint32_t items) {
    if (items >= 2 && items <= largest && std::ranges::find(all, items) == all.end()) all.push_back(items);
  };
  if (!any_size_) add(4);
  for (std::uint32_t items = 2; items <= largest && items != 0; items *= 2) add(items);
  for (const auto items : options_.preferred_sizes) add(items);
  return all;
}

bool BatchProbe::no_form(std::uint32_t items, std::string_view why) {
  no_more_ = fmt::format("no form for a batch of {}: {}", items, why);
  log_.info("Model {}: {}", name_, no_more_);
  return false;
}

bool BatchProbe::add_candidate(std::uint32_t items, std::vector<Candidate>& candidates) {
  Candidate candidate{items, nullptr, {}};
  if (items == 1 || any_size_) {
    candidate.model = executor_.variants().front().model;
  } else {
    auto compiled = executor_.batch_compiler()(items);
    if (!compiled.ok()) {
      form_too_large_ = compiled.status().code() == StatusCode::kResourceExhausted;
      return no_form(items, compiled.status().message());
    }
    candidate.model = std::move(compiled).value();
    // A plan for several runtimes may have found another one for it; what is told of the device is told of all its
    // runs.
    const auto& first = executor_.model().info();
    const auto& made = candidate.model->info();
    if (made.runtime != first.runtime || made.device != first.device)
      return no_form(items, fmt::format("it would run on {} {}", made.runtime, made.device));
    if (!gives_rows(candidate.model->signature(), items)) return no_form(items, "its outputs do not have as many rows");
  }
  candidates.push_back(std::move(candidate));
  return true;
}

Status BatchProbe::choose(std::vector<Candidate> candidates) {
  std::ranges::sort(candidates, {}, &Candidate::items);
  const auto& single = candidates.front().rates;
  std::vector<std::string> gains;
  std::vector<Candidate> chosen{candidates.front()};
  double best = options_.least_gain;
  for (const auto& candidate : candidates) {
    if (candidate.items == 1) continue;
    const double gain = gain_of(candidate.rates, single);
    if (options_.mode == BatchingMode::kAuto) gains.push_back(fmt::format("{}: {:.2f}x", candidate.items, gain));
    // A larger batch makes its items wait longer, so it has to be no worse than a smaller one.
    if (options_.mode == BatchingMode::kAuto && gain < best * 0.99) continue;
    best = std::max(best, gain);
    chosen.push_back(candidate);
  }
  if (candidates.size() == 1 && !cut_short_)
    return off(no_more_.empty() ? "it has no form for a batch" : no_more_, false);
  if (candidates.size() == 1)
    return off(fmt::format("nothing could be measured within {:.1f} s", seconds(options_.probe_limit)), false);
  if (chosen.size() == 1)
    return off(fmt::format("no size pays ({})", fmt::join(gains, ", ")), !cut_short_ && no_more_.empty());
  std::vector<std::uint32_t> used;
  for (const auto& candidate : chosen) used.push_back(candidate.items);
  auto remark = fmt::format("requests are batched on {}, sizes {}; items per second against single runs: {}",
                            executor_.model().info().device, fmt::join(used, ", "),
                            gains.empty() ? "not measured" : fmt::format("{}", fmt::join(gains, ", ")));
  log_.info("Model {}: {}", name_, remark);
  if (auto status = use(chosen); !status.ok()) return status;
  if (no_more_.empty()) {
    keep(std::move(remark));
  } else {
    note_up_to(used.back());
  }
  return {};
}

Status BatchProbe::use(const std::vector<Candidate>& candidates) {
  if (!any_size_) {
    std::vector<CompiledVariant> extra;
    for (const auto& candidate : candidates) {
      if (candidate.items > 1)
        extra.push_back({candidate.items, candidate.model, plan_outputs(candidate.model->signature(), false)});
    }
    if (auto status = executor_.set_variants(std::move(extra), false, observer_); !status.ok()) return status;
  }
  executor_.any_size = any_size_;
  executor_.sizes.clear();
  for (const auto& candidate : candidates) executor_.sizes.push_back(candidate.items);
  return {};
}

// The same forms as before. One that cannot be made now is left out, with those above it.
Status BatchProbe::take_over(const BatchFindings& decision) {
  any_size_ = executor_.follows_items = decision.any_size;
  if (any_size_) {
    if (auto status = executor_.set_variants({}, true, observer_); !status.ok()) return status;
  }
  std::vector<Candidate> candidates;
  for (const auto items : decision.sizes) {
    if (!add_candidate(items, candidates)) break;
  }
  if (no_more_.empty() || candidates.empty()) {
    note(decision.remark);
  } else {
    note_up_to(candidates.back().items);
  }
  return candidates.size() > 1 ? use(candidates) : Status();
}

// When more was asked for than there is.
void BatchProbe::note_up_to(std::uint32_t items) {
  note(fmt::format("requests are batched on {} up to {} items: {}", executor_.model().info().device, items, no_more_));
}

// For the device's note.
void BatchProbe::note(std::string remark) {
  if (options_.asked_for) executor_.batching_note = std::move(remark);
}

// Nothing can be put together, whatever the options say; worth a line only to who asked for it.
Status BatchProbe::impossible(const std::string& reason) { return options_.asked_for ? off(reason, false) : Status(); }

Status BatchProbe::off(const std::string& reason, bool certain) {
  auto remark = options_.mode == BatchingMode::kOff
                    ? std::string()
                    : fmt::format("requests are not batched on {}: {}", executor_.model().info().device, reason);
  if (!remark.empty()) log_.info("Model {}: {}", name_, remark);
  note(remark);
  if (certain) keep(std::move(remark));
  return {};
}

}  // namespace ocelli::scheduling
