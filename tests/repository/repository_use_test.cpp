// The repository as those see it who ask it: requests that wait, the factory.
#include "repository/model_repository.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "repository/repository_fixture.hpp"

namespace ocelli::repository {
namespace {

using RepositoryUseTest = test::RepositoryTest;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// --- requests that wait for a model

TEST_F(RepositoryUseTest, RequestsWaitForAVersionThatIsLoading) {
  folder_.write("a/1/m.onnx", "one");
  options_.models = {model("a")};
  make();
  factory_->hold();
  auto starting = std::async(std::launch::async, [this] { return repository_->start(); });
  ASSERT_TRUE(factory_->wait_for_loads(1));
  std::vector<std::future<std::string>> answers;
  for (const std::optional<Version> version : {std::optional<Version>(), std::optional<Version>(1)}) {
    auto promise = std::make_shared<std::promise<std::string>>();
    answers.push_back(promise->get_future());
    repository_->find_when_loaded("a", version, Clock::now(), [promise](Result<serving::ServableHandle> found) {
      promise->set_value(found.ok() ? (*found)->metadata().platform : found.status().to_string());
    });
    EXPECT_EQ(answers.back().wait_for(std::chrono::milliseconds(0)), std::future_status::timeout) << "still waiting";
  }
  factory_->release();
  for (auto& answer : answers) EXPECT_EQ(answer.get(), "one");
  EXPECT_TRUE(starting.get().ok());
}

TEST_F(RepositoryUseTest, WaitingEndsWhenLoadingFailsOrTakesTooLong) {
  folder_.write("a/1/m.onnx", "refused");
  configure({entry("a")});
  options_.load_wait = std::chrono::milliseconds(1);
  make();
  factory_->hold();
  auto starting = std::async(std::launch::async, [this] { return repository_->start(); });
  ASSERT_TRUE(factory_->wait_for_loads(1));
  std::promise<Status> late;
  repository_->find_when_loaded("a", 1, Clock::now(),
                                [&](Result<serving::ServableHandle> found) { late.set_value(found.status()); });
  EXPECT_EQ(late.get_future().get().code(), StatusCode::kNotLoadedYet);
  bool at_once = false;
  repository_->find_when_loaded("a", 1, Clock::now() - std::chrono::hours(1),
                                [&](const Result<serving::ServableHandle>&) { at_once = true; });
  EXPECT_TRUE(at_once) << "it has waited long enough before";
  factory_->release();
  EXPECT_TRUE(starting.get().ok());
  bool told = false;
  repository_->find_when_loaded("a", 1, Clock::now(), [&](Result<serving::ServableHandle> found) {
    told = true;
    EXPECT_EQ(found.status().code(), StatusCode::kNotLoadedYet);
  });
  EXPECT_TRUE(told) << "a version that failed is not waited for";
  repository_->find_when_loaded("x", 1, Clock::now(), [&](Result<serving::ServableHandle> found) {
    EXPECT_EQ(found.status().code(), StatusCode::kNotFound);
  });
}

TEST_F(RepositoryUseTest, StoppingAnswersThoseWhoWait) {
  folder_.write("a/1/m.onnx", "one");
  options_.models = {model("a")};
  options_.load_wait = std::chrono::hours(1);
  make();
  factory_->hold();
  auto starting = std::async(std::launch::async, [this] { return repository_->start(); });
  ASSERT_TRUE(factory_->wait_for_loads(1));
  std::promise<bool> told;
  repository_->find_when_loaded("a", 1, Clock::now(),
                                [&](const Result<serving::ServableHandle>&) { told.set_value(true); });
  auto stopping = std::async(std::launch::async, [this] { repository_->stop(); });
  factory_->release();
  EXPECT_TRUE(told.get_future().get());
  stopping.get();
  (void)starting.get();
}

// --- what the factory is asked for

TEST_F(RepositoryUseTest, ParametersReachTheFactory) {
  folder_.write("a/1/m.xml", "one");
  folder_.write("a/1/m.bin");
  folder_.write("a/1/mapping_config.json", R"({"inputs":{"data":"image"}})");
  options_.cache_dir = "/cache";
  options_.cpu_extension = "/ext.so";
  options_.nireq = 5;
  configure({entry(
      "a",
      R"json(,"shape":{"image":"(1,3,-1,224)"},"layout":{"image":"NHWC:NCHW"},"mean":"(1,2,3)","scale":2,"plugin_config":{"K":"v"})json")});
  ASSERT_TRUE(start().ok());
  const auto load = factory_->loads().at(0);
  EXPECT_EQ(load.source.format, ModelFormat::kOpenvinoIr);
  EXPECT_EQ(load.options.shapes.at("data").to_string(), "(1,3,-1,224)");
  EXPECT_EQ(load.options.preprocess.layout.at("data"), "NHWC:NCHW");
  EXPECT_THAT(load.options.preprocess.mean, ElementsAre(1.F, 2.F, 3.F));
  EXPECT_THAT(load.options.preprocess.scale, ElementsAre(2.F));
  EXPECT_EQ(load.options.properties.at("K"), "v");
  EXPECT_EQ(load.options.cache_dir, "/cache");
  EXPECT_EQ(load.options.extension_library, "/ext.so");
  EXPECT_EQ(load.options.requests, 5U) << "the global nireq stands in";
  EXPECT_EQ(load.mapping.inputs.at("data"), "image");
}

TEST_F(RepositoryUseTest, AutomaticModelsUseTheCacheOnlyWhenAllowed) {
  for (const char* name : {"plain", "auto", "allowed"}) folder_.write(std::string(name) + "/1/m.onnx", name);
  options_.cache_dir = "/cache";
  options_.load_threads = 1;
  configure({entry("plain", R"(,"batch_size":4)"), entry("auto", R"(,"batch_size":"auto")"),
             entry("allowed", R"(,"shape":"auto","allow_cache":true)")});
  ASSERT_TRUE(start().ok());
  const auto loads = factory_->loads();
  EXPECT_EQ(loads.at(0).options.cache_dir, "/cache");
  EXPECT_EQ(loads.at(0).options.batch, Dimension::fixed(4));
  EXPECT_EQ(loads.at(1).options.cache_dir, "");
  EXPECT_EQ(loads.at(1).options.batch, std::nullopt);
  EXPECT_EQ(loads.at(2).options.cache_dir, "/cache");
  EXPECT_THAT(loads.at(2).options.shapes, IsEmpty());
}

TEST_F(RepositoryUseTest, CountersSurviveAReload) {
  folder_.write("a/1/m.onnx", "one");
  configure({entry("a")});
  ASSERT_TRUE(start().ok());
  configure({entry("a", R"(,"nireq":2)")});
  ASSERT_EQ(reload(), "reloaded");
  const auto loads = factory_->loads();
  EXPECT_EQ(loads.at(0).metrics, loads.at(1).metrics);
}

}  // namespace
}  // namespace ocelli::repository
