#include "observability/metrics_registry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "support/emulated.hpp"

namespace ocelli::observability {
namespace {

using std::chrono::microseconds;
using testing::HasSubstr;
using testing::Not;

ServableIdentity identity(std::string name, std::int64_t version) {
  ServableIdentity who;
  who.name = std::move(name);
  who.version = version;
  who.devices = [] { return std::vector<DeviceFact>{{"CPU", "OpenVINO", "CPU", "BF16", "serving", ""}}; };
  return who;
}

// The line "key value" of the page; empty when it is not there.
std::string value_of(const std::string& page, const std::string& key) {
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind(key + " ", 0) == 0) return line.substr(key.size() + 1);
  }
  return {};
}

TEST(MetricsRegistry, AllSeriesExistAtZeroFromTheStart) {
  MetricsRegistry registry(MetricSelection::defaults());
  const auto registration = registry.add(identity("m", 3), std::make_shared<ServableMetrics>());
  const auto page = registry.render();
  for (const auto* key : {
           R"(ovms_requests_success{api="TensorFlowServing",interface="gRPC",method="Predict",name="m",version="3"})",
           R"(ovms_requests_success{api="TensorFlowServing",interface="REST",method="GetModelStatus",name="m"})",
           R"(ovms_requests_fail{api="KServe",interface="REST",method="ModelInfer",name="m",version="3"})",
           R"(ovms_requests_fail{api="KServe",interface="gRPC",method="ModelReady",name="m"})",
           R"(ovms_request_time_us_bucket{interface="gRPC",name="m",version="3",le="10"})",
           R"(ovms_request_time_us_bucket{interface="REST",name="m",version="3",le="+Inf"})",
           R"(ovms_inference_time_us_sum{name="m",version="3"})",
           R"(ovms_wait_for_infer_req_time_us_count{name="m",version="3"})",
           R"(ovms_streams{name="m",version="3"})",
           R"(ovms_current_requests{name="m",version="3"})",
           R"(ocelli_request_errors{cause="DEADLINE_EXCEEDED",name="m",version="3"})",
       }) {
    EXPECT_EQ(value_of(page, key), "0") << key;
  }
  EXPECT_THAT(page, HasSubstr("# HELP ovms_requests_success Number of successful requests to a model or a DAG.\n"
                              "# TYPE ovms_requests_success counter\n"));
  EXPECT_THAT(page, HasSubstr("# TYPE ovms_request_time_us histogram\n"));
  EXPECT_EQ(
      value_of(
          page,
          R"(ocelli_model_device{device="CPU",name="m",precision="BF16",reason="",runtime="OpenVINO",state="serving",target="CPU",version="3"})"),
      "1");
  // Off by default.
  EXPECT_THAT(page, Not(HasSubstr("ovms_infer_req_queue_size")));
  EXPECT_THAT(page, Not(HasSubstr("ovms_infer_req_active")));
}

TEST(MetricsRegistry, CountsWhatRequestsDid) {
  MetricsRegistry registry(MetricSelection::defaults());
  auto metrics = std::make_shared<ServableMetrics>();
  const auto registration = registry.add(identity("m", 1), metrics);
  metrics->request_done(Method::kModelInfer, Interface::kRest, {}, microseconds(33));
  metrics->request_done(Method::kModelInfer, Interface::kRest, {}, microseconds(10));
  metrics->request_done(Method::kModelInfer, Interface::kRest, invalid_argument("x"), microseconds(5));
  metrics->batches[1].executions = 2;
  metrics->batches[5].executions = 1;
  const auto page = registry.render();
  EXPECT_EQ(
      value_of(page,
               R"(ovms_requests_success{api="KServe",interface="REST",method="ModelInfer",name="m",version="1"})"),
      "2");
  EXPECT_EQ(
      value_of(page, R"(ovms_requests_fail{api="KServe",interface="REST",method="ModelInfer",name="m",version="1"})"),
      "1");
  // A failed request is not timed; buckets are cumulative and inclusive at their bound.
  EXPECT_EQ(value_of(page, R"(ovms_request_time_us_count{interface="REST",name="m",version="1"})"), "2");
  EXPECT_EQ(value_of(page, R"(ovms_request_time_us_sum{interface="REST",name="m",version="1"})"), "43");
  EXPECT_EQ(value_of(page, R"(ovms_request_time_us_bucket{interface="REST",name="m",version="1",le="10"})"), "1");
  EXPECT_EQ(value_of(page, R"(ovms_request_time_us_bucket{interface="REST",name="m",version="1",le="32"})"), "1");
  EXPECT_EQ(value_of(page, R"(ovms_request_time_us_bucket{interface="REST",name="m",version="1",le="58"})"), "2");
  EXPECT_EQ(value_of(page, R"(ocelli_request_errors{cause="INVALID_ARGUMENT",name="m",version="1"})"), "1");
  EXPECT_EQ(value_of(page, R"(ocelli_batch_size_sum{name="m",version="1"})"), "7");
  EXPECT_EQ(value_of(page, R"(ocelli_batch_size_bucket{name="m",version="1",le="4"})"), "2");
  EXPECT_EQ(value_of(page, R"(ocelli_batch_size_bucket{name="m",version="1",le="8"})"), "3");
}

TEST(MetricsRegistry, MemoriesAndModelsThatComeAndGo) {
  MetricsRegistry registry(MetricSelection::defaults());
  registry.watch_memory([] { return std::vector<DeviceMemoryFact>{{"CPU", 100, 60}, {"GPU.0", std::nullopt, 7}}; });
  auto metrics = std::make_shared<ServableMetrics>();
  const auto registration = registry.add(identity("m", 1), metrics);
  EXPECT_EQ(value_of(registry.render(), R"(ocelli_model_unloads{name="m",version="1"})"), "0");
  metrics->device_unloads = 3;
  metrics->device_returns = 2;
  metrics->request_retries = 5;
  metrics->device_failures[0] = 4;
  const auto page = registry.render();
  EXPECT_EQ(value_of(page, R"(ocelli_model_unloads{name="m",version="1"})"), "3");
  EXPECT_EQ(value_of(page, R"(ocelli_model_returns{name="m",version="1"})"), "2");
  EXPECT_EQ(value_of(page, R"(ocelli_request_retries{name="m",version="1"})"), "5");
  EXPECT_EQ(
      value_of(page, R"(ocelli_device_failures{device="CPU",member="0",name="m",runtime="OpenVINO",version="1"})"),
      "4");
  EXPECT_EQ(value_of(page, R"(ocelli_device_memory_limit_bytes{device="CPU"})"), "100");
  EXPECT_EQ(value_of(page, R"(ocelli_device_memory_used_bytes{device="CPU"})"), "60");
  EXPECT_EQ(value_of(page, R"(ocelli_device_memory_used_bytes{device="GPU.0"})"), "7");
  EXPECT_THAT(page, Not(HasSubstr("ocelli_device_memory_limit_bytes{device=\"GPU.0\"}")));
}

TEST(MetricsRegistry, NoSeriesAppearsTwice) {
  MetricsRegistry registry(MetricSelection::defaults());
  auto first = std::make_shared<ServableMetrics>();
  auto second = std::make_shared<ServableMetrics>();
  const auto one = registry.add(identity("m", 1), first);
  const auto again = registry.add(identity("m", 1), second);  // a reload in progress
  const auto other = registry.add(identity("m", 2), std::make_shared<ServableMetrics>());
  first->request_done(Method::kModelInfer, Interface::kGrpc, {}, microseconds(1));
  second->request_done(Method::kModelInfer, Interface::kGrpc, {}, microseconds(1));
  const auto page = registry.render();
  EXPECT_EQ(
      value_of(page,
               R"(ovms_requests_success{api="KServe",interface="gRPC",method="ModelInfer",name="m",version="1"})"),
      "2");
  std::set<std::string> seen;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_TRUE(seen.insert(line.substr(0, line.rfind(' '))).second || line[0] == '#') << line;
  }
}

TEST(MetricsRegistry, ModelWideCountsSurviveTheRetirementOfAVersion) {
  MetricsRegistry registry(MetricSelection::defaults());
  auto old_version = std::make_shared<ServableMetrics>();
  old_version->request_done(Method::kModelReady, Interface::kRest, {}, microseconds(1));
  auto retired = registry.add(identity("m", 1), old_version);
  auto current = registry.add(identity("m", 2), std::make_shared<ServableMetrics>());
  const auto* key = R"(ovms_requests_success{api="KServe",interface="REST",method="ModelReady",name="m"})";
  EXPECT_EQ(value_of(registry.render(), key), "1");
  retired = {};
  EXPECT_EQ(value_of(registry.render(), key), "1");
  EXPECT_THAT(registry.render(), Not(HasSubstr("version=\"1\"")));
  current = {};
  EXPECT_THAT(registry.render(), Not(HasSubstr("ovms_requests_success")));
}

TEST(MetricsRegistry, GenerationsThatShareTheirCountersCountOnce) {
  MetricsRegistry registry(MetricSelection::defaults());
  auto shared = std::make_shared<ServableMetrics>();
  shared->request_done(Method::kModelReady, Interface::kRest, {}, microseconds(1));
  shared->request_done(Method::kPredict, Interface::kRest, {}, microseconds(1));
  auto old_generation = registry.add(identity("m", 1), shared);
  const auto other = registry.add(identity("m", 2), std::make_shared<ServableMetrics>());
  old_generation = {};  // retired, and back again
  auto one = registry.add(identity("m", 1), shared);
  const auto two = registry.add(identity("m", 1), shared);
  const auto page = registry.render();
  EXPECT_EQ(value_of(page, R"(ovms_requests_success{api="KServe",interface="REST",method="ModelReady",name="m"})"),
            "1");
  EXPECT_EQ(
      value_of(
          page,
          R"(ovms_requests_success{api="TensorFlowServing",interface="REST",method="Predict",name="m",version="1"})"),
      "1");
}

TEST(MetricsRegistry, ARegistrationMayOutliveTheRegistry) {
  auto registry = std::make_unique<MetricsRegistry>(MetricSelection::defaults());
  auto registration = registry->add(identity("m", 1), std::make_shared<ServableMetrics>());
  registry.reset();
  registration = {};
}

TEST(MetricsRegistry, PipelinesShowOnlyRequestsAndTheirTime) {
  MetricsRegistry registry(MetricSelection::defaults());
  auto who = identity("p", 1);
  who.pipeline = true;
  const auto registration = registry.add(who, std::make_shared<ServableMetrics>());
  const auto page = registry.render();
  EXPECT_THAT(page, HasSubstr(R"(ovms_request_time_us_count{interface="gRPC",name="p",version="1"} 0)"));
  EXPECT_THAT(page, Not(HasSubstr("ovms_streams")));
  EXPECT_THAT(page, Not(HasSubstr("ovms_inference_time_us")));
}

TEST(MetricsRegistry, LabelValuesAreEscaped) {
  MetricsRegistry registry(MetricSelection::defaults());
  const auto registration = registry.add(identity("a\"b\\c\nd", 1), std::make_shared<ServableMetrics>());
  EXPECT_THAT(registry.render(), HasSubstr(R"(ovms_streams{name="a\"b\\c\nd",version="1"} 0)"));
}

TEST(MetricsRegistry, ConnectionsAndProcess) {
  MetricsRegistry registry(MetricSelection::defaults());
  registry.watch_connections("REST", [] { return ConnectionCounts{3, 17}; });
  const auto page = registry.render();
  EXPECT_EQ(value_of(page, R"(ocelli_connections{interface="REST"})"), "3");
  EXPECT_EQ(value_of(page, R"(ocelli_connections_accepted{interface="REST"})"), "17");
  if (test::emulated()) GTEST_SKIP() << "qemu tells a program little of itself";
  EXPECT_GT(std::stod(value_of(page, "process_resident_memory_bytes")), 1e6);
  EXPECT_GE(std::stod(value_of(page, "process_threads")), 1);
  EXPECT_GT(std::stod(value_of(page, "process_start_time_seconds")), 1.5e9);
}

TEST(MetricSelection, AListReplacesTheDefaults) {
  const auto selection = MetricSelection::parse("ovms_infer_req_active, ovms_requests_success");
  ASSERT_TRUE(selection.ok());
  MetricsRegistry registry(*selection);
  const auto registration = registry.add(identity("m", 1), std::make_shared<ServableMetrics>());
  const auto page = registry.render();
  EXPECT_THAT(page, HasSubstr("ovms_infer_req_active{"));
  EXPECT_THAT(page, HasSubstr("ovms_requests_success{"));
  EXPECT_THAT(page, Not(HasSubstr("ovms_requests_fail")));
  EXPECT_THAT(page, Not(HasSubstr("process_")));
  registry.select(*MetricSelection::parse("process_threads"));
  EXPECT_TRUE(registry.render().starts_with("# HELP process_threads "));
  registry.select(*selection);
  EXPECT_EQ(registry.render(), page) << "what is not shown is counted all the same";
}

TEST(MetricSelection, AnUnknownNameIsRefused) {
  const auto selection = MetricSelection::parse("ovms_requests_success,ovms_nonsense");
  ASSERT_FALSE(selection.ok());
  EXPECT_EQ(selection.status().message(), "Invalid name in metrics_list - ovms_nonsense");
}

}  // namespace
}  // namespace ocelli::observability
