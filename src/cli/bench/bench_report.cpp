#include "cli/bench/bench_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/bench/median_interval.hpp"

namespace ocelli::cli {
namespace {

constexpr std::size_t kHistogramRows = 12;
constexpr std::size_t kHistogramWidth = 50;

// Throughput as a part of the raw runtime's at the same concurrency; empty when that was not measured.
std::optional<MedianInterval> ratio_to_raw(const BenchReport& report, const BenchLine& line) {
  for (const auto& raw : report.lines) {
    if (raw.way != "raw" || raw.concurrency != line.concurrency) continue;
    std::vector<double> ratios;
    for (std::size_t i = 0; i < std::min(raw.round_rates.size(), line.round_rates.size()); ++i) {
      if (raw.round_rates[i] > 0) ratios.push_back(line.round_rates[i] / raw.round_rates[i]);
    }
    if (!ratios.empty()) return median_interval(std::move(ratios));
  }
  return std::nullopt;
}

double cpu_per_request_ms(const LoadResult& result) {
  return result.latency.count() == 0 ? 0 : result.cpu_seconds / static_cast<double>(result.latency.count()) * 1000;
}

// Microseconds up to 10 ms, milliseconds beyond.
std::string time_text(double us) {
  return us < 10'000 ? fmt::format("{:.0f} us", us) : fmt::format("{:.1f} ms", us / 1000);
}

std::string ratio_text(const std::optional<MedianInterval>& ratio) {
  if (!ratio) return "-";
  if (ratio->low == ratio->high) return fmt::format("{:.3f}", ratio->median);
  return fmt::format("{:.3f} ({:.3f}..{:.3f})", ratio->median, ratio->low, ratio->high);
}

// What the ends in parentheses are; all lines have equally many rounds.
std::string_view ends_of(const BenchReport& report) {
  const bool enough = !report.lines.empty() && report.lines.front().round_rates.size() >= kLeastForInterval;
  return enough ? "its 95 % interval" : "the smallest and largest";
}

void append_table(std::string& out, const BenchReport& report) {
  fmt::format_to(std::back_inserter(out), "{:<9} {:>4} {:>11} {:>10} {:>10} {:>10} {:>22} {:>12} {:>7}\n", "way", "c",
                 "requests/s", "p50", "p90", "p99", "of raw", "CPU/request", "errors");
  for (const auto& line : report.lines) {
    const auto& latency = line.result.latency;
    const auto ratio = ratio_to_raw(report, line);
    fmt::format_to(std::back_inserter(out), "{:<9} {:>4} {:>11.1f} {:>10} {:>10} {:>10} {:>22} {:>9.2f} ms {:>7}\n",
                   line.way, line.concurrency, line.result.rate(), time_text(latency.percentile_us(0.5)),
                   time_text(latency.percentile_us(0.9)), time_text(latency.percentile_us(0.99)), ratio_text(ratio),
                   cpu_per_request_ms(line.result), line.result.errors);
    if (line.result.errors > 0) out += fmt::format("          first error: {}\n", line.result.first_error);
  }
}

// Rows are equally wide in the logarithm, from the fastest percent to the slowest.
void append_histogram(std::string& out, const BenchLine& line) {
  const auto& latency = line.result.latency;
  if (latency.count() == 0) return;
  const auto low = std::max(1.0, latency.percentile_us(0.001) * 0.98);
  const auto high = std::max(low * 1.05, latency.percentile_us(1.0));
  const auto step = std::pow(high / low, 1.0 / static_cast<double>(kHistogramRows));
  std::vector<std::uint64_t> counts;
  for (std::size_t i = 0; i < kHistogramRows; ++i) {
    const auto from = i == 0 ? 0 : low * std::pow(step, static_cast<double>(i));
    const auto to = i + 1 == kHistogramRows ? high * 1.001 : low * std::pow(step, static_cast<double>(i + 1));
    counts.push_back(latency.between_us(from, to));
  }
  const auto most = std::max<std::uint64_t>(1, *std::max_element(counts.begin(), counts.end()));
  fmt::format_to(std::back_inserter(out), "\n{} at concurrency {}, {} requests:\n", line.way, line.concurrency,
                 latency.count());
  for (std::size_t i = 0; i < kHistogramRows; ++i) {
    const auto to = low * std::pow(step, static_cast<double>(i + 1));
    // Anything that is not nothing is seen.
    const auto length = counts[i] == 0 ? 0 : std::max<std::size_t>(1, counts[i] * kHistogramWidth / most);
    fmt::format_to(std::back_inserter(out), "  <= {:>9} {:>8} {}\n", time_text(to), counts[i],
                   std::string(length, '#'));
  }
}

}  // namespace

std::string report_text(const BenchReport& report) {
  std::string out = fmt::format("{}\n", report.model);
  for (const auto& info : report.execution) {
    fmt::format_to(std::back_inserter(out), "ran on {} ({}) of {} {} in {}, {} {}{}{}\n", info.device, info.device_name,
                   info.runtime, info.runtime_version, info.precision, info.streams,
                   info.streams == 1 ? "stream" : "streams", info.note.empty() ? "" : "; ", info.note);
  }
  fmt::format_to(
      std::back_inserter(out),
      "CPU/request is that of this whole process, clients included; \"of raw\" is the median over the rounds "
      "({}).\n\n",
      ends_of(report));
  append_table(out, report);
  for (const auto& line : report.lines) append_histogram(out, line);
  return out;
}

std::string report_json(const BenchReport& report) {
  using Json = nlohmann::ordered_json;
  Json json{{"model", report.model}, {"execution", Json::array()}, {"results", Json::array()}};
  for (const auto& info : report.execution) {
    json["execution"].push_back({{"runtime", info.runtime},
                                 {"runtime_version", info.runtime_version},
                                 {"device", info.device},
                                 {"device_name", info.device_name},
                                 {"precision", info.precision},
                                 {"streams", info.streams},
                                 {"threads", info.threads},
                                 {"note", info.note}});
  }
  for (const auto& line : report.lines) {
    const auto& result = line.result;
    const auto ratio = ratio_to_raw(report, line);
    json["results"].push_back({{"way", line.way},
                               {"concurrency", line.concurrency},
                               {"requests", result.latency.count()},
                               {"errors", result.errors},
                               {"first_error", result.first_error},
                               {"seconds", result.seconds},
                               {"requests_per_second", result.rate()},
                               {"round_requests_per_second", line.round_rates},
                               {"p50_us", result.latency.percentile_us(0.5)},
                               {"p90_us", result.latency.percentile_us(0.9)},
                               {"p99_us", result.latency.percentile_us(0.99)},
                               {"mean_us", result.latency.mean_us()},
                               {"ratio_to_raw", ratio ? Json(ratio->median) : Json()},
                               {"ratio_to_raw_ends", ratio ? Json({ratio->low, ratio->high}) : Json()},
                               {"cpu_seconds", result.cpu_seconds}});
  }
  // A path need not be UTF-8.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string failure_text(const BenchReport& report) {
  std::string out;
  for (const auto& line : report.lines) {
    const auto succeeded = line.result.latency.count();
    const auto failed = line.result.errors;
    if (failed == 0 && succeeded > 0) continue;
    out += fmt::format("{} at concurrency {}: ", line.way, line.concurrency);
    if (failed == 0) {
      out += "no request ended in the time\n";
    } else if (succeeded == 0) {
      out += fmt::format("all {} requests failed; first error: {}\n", failed, line.result.first_error);
    } else {
      out += fmt::format("{} of {} requests failed; first error: {}\n", failed, failed + succeeded,
                         line.result.first_error);
    }
  }
  return out;
}

bool all_answered(const BenchReport& report) noexcept {
  return std::ranges::all_of(report.lines, [](const BenchLine& line) { return line.result.latency.count() > 0; });
}

}  // namespace ocelli::cli
