#include "server/repository_setup.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

namespace ocelli::server {
namespace {

using observability::MetricFamily;
using testing::ElementsAre;

TEST(RepositorySetup, OneModelFromTheFlags) {
  ServerOptions options;
  options.model.model_name = "m";
  options.model.model_path = "/p";
  options.model.batch_size = "4";
  options.file_system_poll_wait_seconds = 7;
  const auto repository = repository_options(options);
  ASSERT_TRUE(repository.ok()) << repository.status().to_string();
  ASSERT_EQ(repository->models.size(), 1U);
  EXPECT_EQ(repository->models[0].name, "m");
  EXPECT_EQ(repository->models[0].batch.extent, Dimension::fixed(4));
  EXPECT_EQ(repository->poll_interval, std::chrono::seconds(7));
}

TEST(RepositorySetup, NothingIsWatchedWithoutPolling) {
  ServerOptions options;
  options.config_path = "/c.json";
  options.model_control_mode = "none";
  const auto repository = repository_options(options);
  ASSERT_TRUE(repository.ok());
  EXPECT_EQ(repository->poll_interval.count(), 0);
  EXPECT_EQ(repository->config_path, "/c.json");
  EXPECT_FALSE(repository->explicit_control);
}

TEST(RepositorySetup, ExplicitControlNamesWhatToLoad) {
  ServerOptions options;
  options.config_path = "/c.json";
  options.model_control_mode = "explicit";
  options.load_models = "a,b";
  const auto repository = repository_options(options);
  ASSERT_TRUE(repository.ok());
  EXPECT_TRUE(repository->explicit_control);
  EXPECT_THAT(repository->load_at_start, ElementsAre("a", "b"));
}

TEST(RepositorySetup, Batching) {
  BatchingOptions options;
  options.mode = "on";
  options.max_batch_size = 8;
  options.preferred_sizes = "4,8";
  options.max_delay_us = 500;
  const auto batching = batching_options(options);
  ASSERT_TRUE(batching.ok());
  EXPECT_EQ(batching->mode, scheduling::BatchingMode::kOn);
  EXPECT_EQ(batching->max_items, 8U);
  EXPECT_THAT(batching->preferred_sizes, ElementsAre(4, 8));
  EXPECT_EQ(batching->max_delay, std::chrono::microseconds(500));
  options.preferred_sizes = "4,x";
  EXPECT_FALSE(batching_options(options).ok());
}

TEST(RepositorySetup, SimulatedDevices) {
  const auto names = simulated_device_names(R"({"devices":[{"name":"SIM.0"},{"name":"SIM.1"}]})");
  ASSERT_TRUE(names.ok());
  EXPECT_THAT(*names, ElementsAre("SIM.0", "SIM.1"));
  EXPECT_TRUE(simulated_device_names("")->empty());
  EXPECT_FALSE(simulated_device_names("{").ok());
  EXPECT_FALSE(simulated_device_names("[]").ok());
  EXPECT_FALSE(simulated_device_names(R"({"devices":[{"name":"SIM"},{"nam":"SIM"}]})").ok());
}

TEST(RepositorySetup, MemoryAndIdleTime) {
  ServerOptions options;
  EXPECT_TRUE(memory_options(options, {})->limits.empty());
  EXPECT_EQ(memory_options(options, {})->idle_after, Duration::zero());
  options.device_memory = "CPU=24MB,SIM.0=1KiB";
  options.idle_unload_seconds = 90;
  const auto memory = memory_options(options, {"SIM.0"});
  ASSERT_TRUE(memory.ok()) << memory.status().to_string();
  EXPECT_EQ(memory->limits.at("CPU"), 24'000'000U);
  EXPECT_EQ(memory->limits.at("SIM.0"), 1024U);
  EXPECT_EQ(memory->idle_after, std::chrono::seconds(90));
  EXPECT_EQ(memory_options(options, {}).status().code(), StatusCode::kInvalidArgument);
}

ServerOptions rest_options() {
  ServerOptions options;
  options.rest.port = 8000;
  return options;
}

TEST(MetricsChoice, TheFlagsDecideWithoutAMonitoringSection) {
  auto options = rest_options();
  EXPECT_FALSE(choose_metrics(options, {})->enabled);
  options.metrics.enabled = true;
  options.metrics.list = "ovms_infer_req_active";
  const auto choice = choose_metrics(options, {});
  ASSERT_TRUE(choice.ok());
  EXPECT_TRUE(choice->enabled);
  EXPECT_TRUE(choice->selection.has(MetricFamily::kInferReqActive));
  EXPECT_FALSE(choice->selection.has(MetricFamily::kRequestsSuccess));
}

TEST(MetricsChoice, TheFileDecidesWithOne) {
  auto options = rest_options();
  const repository::MonitoringConfig monitoring{true, {{"ovms_streams"}}};
  const auto choice = choose_metrics(options, monitoring);
  ASSERT_TRUE(choice.ok()) << choice.status().to_string();
  EXPECT_TRUE(choice->enabled);
  EXPECT_TRUE(choice->selection.has(MetricFamily::kStreams));
  EXPECT_FALSE(choice->selection.has(MetricFamily::kRequestsSuccess));
  EXPECT_FALSE(choose_metrics(options, repository::MonitoringConfig{})->enabled);
  options.rest.port = 0;
  EXPECT_EQ(choose_metrics(options, monitoring).status().message(),
            "rest_port setting is missing, metrics are enabled on rest port");
  options = rest_options();
  options.metrics.enabled = true;
  EXPECT_EQ(choose_metrics(options, monitoring).status().message(),
            "Metrics configuration duplicated in configuration file and CLI parameters");
}

TEST(MetricsChoice, AnUnknownFamilyIsAnErrorBeforeAnythingIsStarted) {
  const auto path = testing::TempDir() + "metrics_choice_" + std::to_string(::getpid()) + ".json";
  std::ofstream(path) << R"({"model_config_list":[],"monitoring":{"metrics":{"enable":true,"metrics_list":["nope"]}}})";
  auto options = rest_options();
  options.config_path = path;
  EXPECT_EQ(check_served(options).message(), "Invalid name in metrics_list - nope");
  std::remove(path.c_str());
  EXPECT_THAT(std::string(check_served(options).message()), testing::HasSubstr("Config file not found"));
}

}  // namespace
}  // namespace ocelli::server
