// The report of `ocelli bench`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/bench/load_way.hpp"
#include "runtime/compile_options.hpp"

namespace ocelli::cli {

// One way at one concurrency.
struct BenchLine {
  std::string way;
  std::uint32_t concurrency = 1;
  LoadResult result;                // all rounds together
  std::vector<double> round_rates;  // requests per second of each round, in the order of the rounds
};

// What was measured, and on what.
struct BenchReport {
  std::string model;
  std::vector<ExecutionInfo> execution;  // where it really ran
  std::vector<BenchLine> lines;
};

// A table with rate, percentiles, the ratio to the raw runtime at the same concurrency and CPU time, then a histogram
// of latencies for each line. The ratio is the median over the rounds with its interval (median_interval.hpp),
// which bears a machine whose speed changes between them and tells when it changed too much to say anything.
std::string report_text(const BenchReport& report);
// The same numbers as a JSON object {model, execution: [...], results: [...]}.
std::string report_json(const BenchReport& report);

// A line for each of the report's lines with requests that failed, or without one that succeeded: "REST at concurrency
// 4: 3 of 100 requests failed; first error: ...". Empty when all succeeded.
std::string failure_text(const BenchReport& report);
// Whether at least one request of every line succeeded, so that its numbers mean something.
bool all_answered(const BenchReport& report) noexcept;

}  // namespace ocelli::cli
