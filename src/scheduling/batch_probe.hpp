// BatchProbe: finds out at load what batching does to a model on one device.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "scheduling/batching.hpp"
#include "scheduling/executor.hpp"

namespace ocelli::scheduling {

// Warms the executor's device up, learns how long a run takes, and decides which batch sizes are used:
//  1. A model whose first dimension is open runs with one and with three items; when the outputs follow, and are known
//  to depend on nothing but the inputs' shapes (CompiledModel::shapes_follow_inputs), they can be written in place. All
//  other models with an open first dimension run one request at a time, and the runtime keeps their outputs.
//  2. Candidates are the preferred sizes and the powers of two up to BatchingOptions::max_items: of the model itself
//  when it takes any number of items, else of
//     forms that the BatchCompiler makes.
//  3. An item's results in company must equal those alone: within 1e-3 of the largest value for fp32 and fp16, 2e-2 for
//  bf16, whose
//     mantissa has 8 bits. Otherwise items contaminate each other, and batching stays off.
//  4. In kAuto, sizes that do not bring least_gain times the items per second of single runs, with all lanes busy, are
//  dropped. A model that runs in less than 0.1 ms is not batched then; the shortest of a few runs counts.
//  5. A form or a run that the device has no memory for is tried with fewer items; no larger batches are used, and what
//  was found out is not kept: another time there may be room.
// A decision that was made before (Executor::decided) is taken over after the warm-up. What was found out is kept in
// the executor's notes, and so is what a run shows later (Executor::note_unbatched); where they have it from an earlier
// start, only the first runs are made, and the forms compiled that are used. A provisional executor is not measured,
// but says so (Executor::unmeasured). Ends within probe_limit, except for a compilation or run that is under way. Only
// before the executor serves. The sentence that says what was decided goes to the log, and where batching was asked for
// (BatchingOptions::asked_for) and is not done, or only on fewer items, to Executor::batching_note. What the first runs
// and the measuring took is in the executor too. Never fails: a model that cannot
// be measured is served one request at a time.
class BatchProbe {
 public:
  BatchProbe(Executor& executor, LaneObserver& observer, const BatchingOptions& options, const Log& log,
             std::string model);
  // Errors: lanes could not be made again for the chosen forms; the first run failed with kUnavailable or
  // kResourceExhausted.
  Status run();

 private:
  struct Candidate {
    std::uint32_t items = 1;
    std::shared_ptr<CompiledModel> model;
    std::vector<double> rates;  // items per second, one per round
  };

  [[nodiscard]] bool compiles() const;
  [[nodiscard]] std::string settings() const;
  [[nodiscard]] std::optional<BatchFindings> noted() const;
  // followed: false when the findings do not fit after all.
  Status follow(const BatchFindings& known, bool& followed);
  void keep(std::string remark) const;
  Status find_out();
  Status measure_all();
  bool warm_up(const std::optional<BatchFindings>& known);
  bool is_too_fast();
  static Status other_rows();
  Status run_rows(std::uint32_t items);
  Status try_rows();
  std::vector<std::uint32_t> sizes() const;
  bool no_form(std::uint32_t items, std::string_view why);
  bool add_candidate(std::uint32_t items, std::vector<Candidate>& candidates);
  struct Objection {
    std::string reason;      // empty: none
    bool certain = true;     // it will be the same at the next start
    bool too_large = false;  // for the device's memory
  };
  Objection contamination(const Candidate& candidate);
  void measure(std::vector<Candidate>& candidates);
  double rate(const Candidate& candidate, Duration slice);
  Status choose(std::vector<Candidate> candidates);
  Status take_over(const BatchFindings& decision);
  Status use(const std::vector<Candidate>& candidates);
  [[nodiscard]] bool out_of_time() const noexcept { return Clock::now() >= until_; }
  void note(std::string remark);
  void note_up_to(std::uint32_t items);
  Status impossible(const std::string& reason);
  // certain: it will be the same at the next start.
  Status off(const std::string& reason, bool certain);

  Executor& executor_;
  LaneObserver& observer_;
  const BatchingOptions& options_;
  const Log& log_;
  const std::string name_;
  TimePoint until_{};
  Status failure_;               // of the first run
  Duration single_{};            // one run of one item
  bool any_size_ = false;        // the model itself takes any number of items
  std::string no_more_;          // why there are no larger batches than those found; empty: they were not tried
  bool form_too_large_ = false;  // the last form that could not be made, for the device's memory
  bool cut_short_ = false;       // there was no time for all sizes: another start may find one that pays
};

}  // namespace ocelli::scheduling
