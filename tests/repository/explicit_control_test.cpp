// Explicit control: models that are loaded and unloaded by request.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "repository/repository_fixture.hpp"

namespace ocelli::repository {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ExplicitControlTest : public test::RepositoryTest {
 protected:
  // Models a and b; a is loaded.
  Status start_with_a_of_two() {
    folder_.write("a/1/m.onnx", "a");
    folder_.write("b/1/m.onnx", "b");
    configure({entry("a"), entry("b")});
    options_.explicit_control = true;
    options_.load_at_start = {"a"};
    return start();
  }
};

TEST_F(ExplicitControlTest, ExplicitControlLoadsOnDemand) {
  ASSERT_TRUE(start_with_a_of_two().ok());
  EXPECT_EQ(served("a"), "a");
  EXPECT_EQ(states("b"), "") << "known, but not loaded";
  EXPECT_THAT(index(), ElementsAre("a 1 READY ", "b  UNAVAILABLE not loaded"));
  EXPECT_EQ(load("c", "").code(), StatusCode::kNotFound);
  EXPECT_THAT(load("b", R"({"model_version_policy":{"specific":{"versions":[9]}}})").to_string(),
              HasSubstr("failed to load 'b', model_version_policy is"));
  EXPECT_TRUE(load("b", "").ok());
  EXPECT_THAT(load("b", R"({"stateful":true})").to_string(),
              HasSubstr("failed to load 'b', stateful cannot be changed"))
      << "it serves, but not as it was asked for";
  EXPECT_TRUE(load("b", "").ok());
  EXPECT_EQ(served("b"), "b");
  EXPECT_TRUE(repository_->unload("a").ok());
  EXPECT_EQ(states("a"), "1:END");
  EXPECT_TRUE(repository_->unload("a").ok()) << "twice is no mistake";
  EXPECT_TRUE(repository_->unload("c").ok()) << "as Triton: what is not there is unloaded";
  EXPECT_EQ(reload(), "unchanged");
  EXPECT_EQ(states("a"), "1:END");
  EXPECT_THAT(index(), ElementsAre("a 1 UNAVAILABLE unloaded", "b 1 READY "));
}

TEST_F(ExplicitControlTest, ExplicitLoadTakesOverridesAndSeesReplacedFiles) {
  folder_.write("a/1/m.onnx", "one");
  folder_.write("a/2/m.onnx", "two");
  configure({entry("a", R"(,"nireq":2)")});
  options_.explicit_control = true;
  ASSERT_TRUE(start().ok());
  EXPECT_THAT(load("a", R"({"versions":1})").to_string(),
              HasSubstr("INVALID_ARGUMENT: config override: versions: unknown key"));
  EXPECT_THAT(load("a", R"({"name":"b"})").to_string(), HasSubstr("is not that of the model"));
  EXPECT_THAT(factory_->loads(), IsEmpty());
  EXPECT_TRUE(load("a", R"({"model_version_policy":{"specific":{"versions":[1]}},"target_device":"GPU"})").ok());
  EXPECT_EQ(states("a"), "1:AVAILABLE");
  EXPECT_EQ(factory_->loads().at(0).config.target_device, "GPU");
  EXPECT_EQ(factory_->loads().at(0).config.nireq, 2U) << "what is not overridden stays";
  folder_.write("a/1/m.onnx", "replaced");
  EXPECT_TRUE(load("a", R"({"model_version_policy":{"specific":{"versions":[1]}},"target_device":"GPU"})").ok());
  EXPECT_EQ(served("a"), "replaced");
  EXPECT_TRUE(load("a", "").ok());
  EXPECT_EQ(states("a"), "1:END 2:AVAILABLE") << "the override is over";
  folder_.write("a/3/m.onnx", "broken");
  EXPECT_THAT(load("a", "").to_string(), HasSubstr("failed to load 'a', version 3: the file is broken"));
  EXPECT_EQ(served("a"), "two");
}

// Otherwise whoever may load models could have any folder of the server read, and files written where he likes.
TEST_F(ExplicitControlTest, ALoadRequestNamesNoPlacesOfFiles) {
  folder_.write("a/1/m.onnx", "a");
  folder_.write("b/1/m.onnx", "b");
  configure({entry("a", R"(,"plugin_config":{"CACHE_DIR":"/the/servers/own"})")});
  options_.explicit_control = true;
  ASSERT_TRUE(start().ok());
  const std::string other = (folder_.path() / "b").string();
  for (const auto& wanted :
       {R"({"base_path":")" + other + "\"}", std::string(R"({"plugin_config":{"CACHE_DIR":"cache"}})"),
        std::string(R"({"plugin_config":{"trt_engine_cache_path":"x"}})"),
        std::string(R"({"plugin_config":{"X":"/y"}})"),
        std::string(R"({"plugin_config":{"DEVICE_PROPERTIES":"{CPU:{CACHE_DIR:x}}"}})")}) {
    const auto refused = load("a", wanted);
    EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument) << wanted;
    EXPECT_THAT(refused.to_string(), HasSubstr("only the server's own configuration says where files")) << wanted;
  }
  EXPECT_EQ(states("a"), "");
  EXPECT_TRUE(load("a", R"({"plugin_config":{"CACHE_DIR":"/the/servers/own","NUM_STREAMS":"2"}})").ok());
  EXPECT_EQ(served("a"), "a");
}

TEST_F(ExplicitControlTest, ExplicitLoadTakesTritonsConfiguration) {
  folder_.write("a/1/m.onnx", "one");
  configure({entry("a")});
  options_.explicit_control = true;
  ASSERT_TRUE(start().ok());
  EXPECT_TRUE(load("a", R"({"name":"a","backend":"onnxruntime","optimization":{"priority":1},
      "instance_group":[{"kind":"KIND_CPU","count":3}],"dynamic_batching":{"max_queue_delay_microseconds":50},
      "input":[{"name":"x","data_type":"TYPE_FP32","dims":[4,3]}]})")
                  .ok());
  EXPECT_EQ(factory_->loads().at(0).config.nireq, 3U);
  EXPECT_EQ(factory_->loads().at(0).config.batching->max_delay_us, 50U);
  EXPECT_THAT(lines_->lines(),
              Contains(HasSubstr("Model a: without a meaning here, and ignored: backend, optimization")));
  EXPECT_THAT(load("a", R"({"input":[{"name":"x","dims":[4,5]}]})").to_string(),
              HasSubstr("input \"x\": dims are (4,5), but the model has (4,3)"));
  EXPECT_EQ(served("a"), "one") << "an earlier configuration still serves";
}

// It may be what makes the room that the load waits for.
TEST_F(ExplicitControlTest, AnUnloadDoesNotWaitForALoadThatWaits) {
  ASSERT_TRUE(start_with_a_of_two().ok());
  factory_->hold();
  auto loading = std::async(std::launch::async, [this] { return load("b", ""); });
  ASSERT_TRUE(factory_->wait_for_loads(2));
  auto unloading = std::async(std::launch::async, [this] { return repository_->unload("a"); });
  const bool ended = unloading.wait_for(test::kSoon) == std::future_status::ready;
  factory_->release();
  EXPECT_TRUE(ended);
  EXPECT_TRUE(unloading.get().ok());
  EXPECT_EQ(states("a"), "1:END");
  EXPECT_THAT(loading.get().to_string(), HasSubstr("no memory"));
}

TEST_F(ExplicitControlTest, PipelinesAreNotLoadedByRequest) {
  folder_.write("a/1/m.onnx", "a");
  configure({entry("a")}, pipeline_section("p", "a"));
  options_.explicit_control = true;
  ASSERT_TRUE(start().ok());
  EXPECT_EQ(repository_->unload("p").code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(load("p", "{}", {{"1/m.onnx", "x"}}).to_string(), HasSubstr("'p' is the name of a pipeline"));
}

TEST_F(ExplicitControlTest, APipelineThatIsRefusedDoesNotTakeTheModelsName) {
  folder_.write("a/1/m.onnx", "a");
  configure({entry("a")}, pipeline_section("a", "a"));
  options_.explicit_control = true;
  ASSERT_TRUE(start().ok());
  EXPECT_EQ(load("a", "{}").to_string(), "OK");
  EXPECT_EQ(served("a"), "a");
  EXPECT_EQ(repository_->unload("a").to_string(), "OK");
  EXPECT_EQ(states("a"), "1:END");
}

TEST_F(ExplicitControlTest, AnOverrideIsForTheFirstOfTwoEntriesOfOneName) {
  folder_.write("a/1/m.onnx", "a");
  configure({entry("a"), entry("a")});
  options_.explicit_control = true;
  ASSERT_TRUE(start().ok());
  EXPECT_EQ(load("a", R"({"nireq":3})").to_string(), "OK");
  EXPECT_EQ(served("a"), "a");
  EXPECT_EQ(factory_->loads().size(), 1U);
}

TEST_F(ExplicitControlTest, WhatWasUnloadedStaysSoThroughTheConfiguration) {
  folder_.write("a/1/m.onnx", "a");
  configure({entry("a")});
  options_.explicit_control = true;
  ASSERT_TRUE(start().ok());
  ASSERT_TRUE(load("a", "").ok());
  configure({});
  ASSERT_EQ(reload(), "reloaded");
  ASSERT_EQ(repository_->unload("a").to_string(), "OK");
  configure({entry("a")});
  ASSERT_EQ(reload(), "reloaded");
  EXPECT_EQ(states("a"), "1:END");
  EXPECT_TRUE(load("a", "").ok());
  EXPECT_EQ(served("a"), "a");
}

TEST_F(ExplicitControlTest, ExplicitControlMayLoadEverythingAtTheStart) {
  folder_.write("a/1/m.onnx", "a");
  folder_.write("b/1/m.onnx", "b");
  configure({entry("a"), entry("b")});
  options_.explicit_control = true;
  options_.load_at_start = {"*", "none"};
  ASSERT_TRUE(start().ok());
  EXPECT_EQ(served("a") + served("b"), "ab");
  EXPECT_THAT(lines_->lines(),
              Contains(HasSubstr("Model none is to be loaded at the start, but it is not in the configuration")));
}

TEST_F(ExplicitControlTest, LoadAndUnloadNeedExplicitControl) {
  folder_.write("a/1/m.onnx", "a");
  options_.models = {model("a")};
  ASSERT_TRUE(start().ok());
  EXPECT_EQ(load("a", "").code(), StatusCode::kUnavailable);
  EXPECT_EQ(repository_->unload("a").code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace ocelli::repository
