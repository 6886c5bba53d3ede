#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "cli/bench/bench_report.hpp"
#include "cli/bench/flat_run.hpp"
#include "cli/bench/in_flight.hpp"
#include "cli/bench/latency_histogram.hpp"
#include "cli/bench/median_interval.hpp"
#include "cli/bench/sample_input.hpp"
#include "cli/bench/steady_window.hpp"
#include "tensor/string_tensor.hpp"

namespace ocelli::cli {
namespace {

using testing::HasSubstr;

TEST(LatencyHistogram, PercentilesAgreeWithSorting) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> microseconds(5, 2);
  std::vector<double> sorted;
  LatencyHistogram histogram;
  for (int i = 0; i < 20'000; ++i) {
    const auto us = microseconds(random);
    histogram.record(std::chrono::nanoseconds(static_cast<std::int64_t>(us * 1000)));
    sorted.push_back(us);
  }
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(histogram.count(), sorted.size());
  for (const double fraction : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    const auto exact = sorted[static_cast<std::size_t>(fraction * static_cast<double>(sorted.size())) - 1];
    EXPECT_NEAR(histogram.percentile_us(fraction), exact, exact * 0.02 + 0.01) << fraction;
  }
}

TEST(LatencyHistogram, RangesAddUpAndExtremesAreKept) {
  LatencyHistogram histogram;
  for (const auto us : {0, 1, 10, 1000, 1'000'000, 2'000'000'000}) histogram.record(std::chrono::microseconds(us));
  histogram.record(-std::chrono::seconds(1));
  EXPECT_EQ(histogram.between_us(0, 1e12), 7U);
  EXPECT_EQ(histogram.between_us(5, 2000), 2U);
  LatencyHistogram sum;
  sum.add(histogram);
  sum.add(histogram);
  EXPECT_EQ(sum.count(), 14U);
  EXPECT_EQ(LatencyHistogram().percentile_us(0.5), 0);
}

TEST(SampleInputs, FollowTypesAndShapes) {
  PartialShape dynamic;
  dynamic.dims = {Dimension::any(), Dimension::fixed(3), Dimension{4, 8}};
  const auto inputs = sample_inputs({{"a", DataType::kFp32, dynamic, ""},
                                     {"b", DataType::kUint8, PartialShape::from(Shape{2, 2}), ""},
                                     {"c", DataType::kString, PartialShape::from(Shape{3}), ""},
                                     {"d", DataType::kFp16, PartialShape::from(Shape{5}), ""}});
  ASSERT_TRUE(inputs.ok());
  EXPECT_EQ((*inputs)[0].view.shape, (Shape{1, 3, 4}));
  EXPECT_EQ((*inputs)[0].view.bytes, 48U);
  const auto* floats = reinterpret_cast<const float*>((*inputs)[0].view.data);
  EXPECT_TRUE(std::all_of(floats, floats + 12, [](float value) { return value >= 0 && value < 1; }));
  EXPECT_TRUE(std::any_of(floats, floats + 12, [](float value) { return value > 0.1F; }));
  EXPECT_EQ((*inputs)[1].view.bytes, 4U);
  const auto texts = unpack_strings({(*inputs)[2].view.data, (*inputs)[2].view.bytes}, 3);
  EXPECT_TRUE(texts.ok());
  PartialShape unknown;
  unknown.rank_known = false;
  EXPECT_THAT(std::string(sample_inputs({{"x", DataType::kFp32, unknown, ""}}).status().message()),
              HasSubstr("x has no known rank"));
}

// Completes within go(), as a model that runs on the caller's thread does.
class CountingTask final : public FlatTask {
 public:
  void go() noexcept override {
    EXPECT_FALSE(inside_);
    inside_ = true;
    if (++runs < 100'000) flat_run(*this);
    inside_ = false;
  }
  int runs = 0;

 private:
  bool inside_ = false;
};

TEST(FlatRun, DoesNotRecurse) {
  CountingTask task;
  flat_run(task);
  EXPECT_EQ(task.runs, 100'000);
}

TEST(InFlight, EndsWhenTheTimeIsOverAndCountsErrors) {
  InFlight load(std::chrono::milliseconds(20));
  std::vector<std::jthread> threads;
  for (int i = 0; i < 3; ++i) {
    load.begin_one();
    threads.emplace_back([&load, i] {
      while (load.end_one(Clock::now(), i == 0 ? internal_error("broken") : Status())) std::this_thread::yield();
    });
  }
  const auto result = load.wait();
  EXPECT_GT(result.latency.count(), 0U);
  EXPECT_GT(result.errors, 0U);
  EXPECT_EQ(result.first_error, "INTERNAL: broken");
  EXPECT_GT(result.seconds, 0);
}

// Requests per second of a server that ends `together` requests every 10 ms, the first after `lead`, and goes on for as
// long as the time lasts; what is in flight then ends, too.
double steady_rate(Duration lead, int together) {
  constexpr auto kRun = std::chrono::milliseconds(10);
  const TimePoint begin(std::chrono::hours(1));
  const auto until = begin + std::chrono::milliseconds(395);
  SteadyWindow window(until);
  for (auto at = begin + lead; at < until + 2 * kRun; at += kRun) {
    for (int i = 0; i < together; ++i) window.end_one(at, true);
  }
  return static_cast<double>(window.ends()) / std::chrono::duration<double>(window.length()).count();
}

TEST(SteadyWindow, FillingAndDrainingAndBatchesDoNotChangeTheRate) {
  for (const auto lead : {10, 12, 35}) {
    EXPECT_NEAR(steady_rate(std::chrono::milliseconds(lead), 1), 100, 1e-6) << lead;
    EXPECT_NEAR(steady_rate(std::chrono::milliseconds(lead), 4), 400, 1e-6) << lead;
  }
}

TEST(SteadyWindow, CountsNoFailuresAndNeedsTwoEnds) {
  const TimePoint begin(std::chrono::hours(1));
  SteadyWindow window(begin + std::chrono::seconds(1));
  window.end_one(begin, true);
  EXPECT_EQ(window.length(), Duration::zero());
  window.end_one(begin + std::chrono::milliseconds(1), false);
  window.end_one(begin + std::chrono::milliseconds(2), true);
  EXPECT_EQ(window.ends(), 1U);
  EXPECT_EQ(window.length(), std::chrono::milliseconds(2));
}

std::vector<double> shuffled(int n) {
  std::vector<double> values(static_cast<std::size_t>(n));
  std::iota(values.begin(), values.end(), 1);
  std::shuffle(values.begin(), values.end(), std::mt19937_64(7));
  return values;
}

// Ranks from published tables of the sign test: B. Mood's, for 95 %.
TEST(MedianInterval, HasTheRanksOfTheSignTest) {
  const std::map<int, std::pair<double, double>> ends{{6, {1, 6}},   {9, {2, 8}},   {10, {2, 9}},
                                                      {20, {6, 15}}, {25, {8, 18}}, {100, {40, 61}}};
  for (const auto& [n, wanted] : ends) {
    const auto interval = median_interval(shuffled(n));
    EXPECT_EQ(interval.low, wanted.first) << n;
    EXPECT_EQ(interval.high, wanted.second) << n;
    EXPECT_EQ(interval.median, (n + 1) / 2.0) << n;
  }
}

TEST(MedianInterval, OfFewValuesIsTheirRange) {
  EXPECT_EQ(median_interval(shuffled(5)).low, 1);
  EXPECT_EQ(median_interval(shuffled(5)).high, 5);
  EXPECT_EQ(median_interval({3}).median, 3);
  EXPECT_EQ(median_interval({}).high, 0);
}

BenchReport report_of_two() {
  BenchReport report;
  report.model = "m";
  ExecutionInfo info;
  info.runtime = "OpenVINO";
  info.runtime_version = "1";
  info.device = "CPU";
  info.device_name = "a processor";
  info.precision = "FP32";
  report.execution.push_back(info);
  for (const auto* way : {"raw", "REST"}) {
    BenchLine line{way, 4, {}, {}};
    for (int i = 0; i < 100; ++i) line.result.latency.record(std::chrono::microseconds(100 + i));
    line.result.seconds = line.way == "raw" ? 1 : 1.25;
    // The machine was slow in the raw runtime's second round.
    line.round_rates = line.way == "raw" ? std::vector<double>{100, 10, 100} : std::vector<double>{80, 80, 80};
    report.lines.push_back(line);
  }
  return report;
}

TEST(BenchReport, ShowsTheRatioToRawAndWhereItRan) {
  const auto text = report_text(report_of_two());
  EXPECT_THAT(text, HasSubstr("ran on CPU (a processor) of OpenVINO 1 in FP32"));
  EXPECT_THAT(text, testing::ContainsRegex("REST +4 +80.0 .*0.800 .0.800..8.000."));
  EXPECT_THAT(text, HasSubstr("(the smallest and largest)"));
  EXPECT_THAT(text, HasSubstr("REST at concurrency 4, 100 requests:"));
  const auto json = nlohmann::json::parse(report_json(report_of_two()));
  EXPECT_DOUBLE_EQ(json["results"][1]["ratio_to_raw"], 0.8);
  EXPECT_EQ(json["results"][1]["ratio_to_raw_ends"], nlohmann::json({0.8, 8.0}));
  EXPECT_EQ(json["results"][0]["round_requests_per_second"], nlohmann::json({100.0, 10.0, 100.0}));
  EXPECT_EQ(json["execution"][0]["precision"], "FP32");
}

TEST(BenchReport, TheHistogramCountsEveryRequest) {
  const auto text = report_text(report_of_two());
  // Rows of the first histogram: "  <=    103 us       12 ####".
  std::istringstream lines(text.substr(text.find("raw at concurrency")));
  std::string line;
  std::getline(lines, line);
  std::uint64_t sum = 0;
  while (std::getline(lines, line) && !line.empty()) sum += std::stoull(line.substr(15));
  EXPECT_EQ(sum, 100U);
}

TEST(BenchReport, SaysWhatFailedAndWhetherEverythingDid) {
  auto report = report_of_two();
  EXPECT_EQ(failure_text(report), "");
  EXPECT_TRUE(all_answered(report));
  report.lines[1].result.errors = 3;
  report.lines[1].result.first_error = "HTTP 503";
  EXPECT_EQ(failure_text(report), "REST at concurrency 4: 3 of 103 requests failed; first error: HTTP 503\n");
  EXPECT_TRUE(all_answered(report));
  report.lines[1].result.latency = {};
  EXPECT_EQ(failure_text(report), "REST at concurrency 4: all 3 requests failed; first error: HTTP 503\n");
  EXPECT_FALSE(all_answered(report));
  report.lines[1].result.errors = 0;
  EXPECT_EQ(failure_text(report), "REST at concurrency 4: no request ended in the time\n");
  EXPECT_FALSE(all_answered(report));
}

}  // namespace
}  // namespace ocelli::cli
