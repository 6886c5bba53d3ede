// Models that config.json names: changed, broken and removed entries, and what is kept meanwhile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "repository/repository_fixture.hpp"

namespace ocelli::repository {
namespace {

using ConfigModeTest = test::RepositoryTest;
using test::eventually;
using test::kSoon;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(ConfigModeTest, StartsWithFailedModels) {
  folder_.write("good/1/m.onnx", "good");
  folder_.write("bad/1/m.onnx", "refused");
  configure({entry("good"), entry("bad"), entry("missing"), entry("wrong", R"(,"shape":"x")")});
  ASSERT_TRUE(start().ok());
  EXPECT_TRUE(repository_->ready());
  EXPECT_EQ(states("good"), "1:AVAILABLE");
  EXPECT_EQ(states("bad"), "1:LOADING!");
  EXPECT_EQ(states("missing"), "");
  EXPECT_EQ(served("bad"), "Model with requested version is not found");
  EXPECT_EQ(served("bad", 1), "Model with requested version is not loaded yet");
  std::vector<std::string> names;
  for (const auto& status : repository_->all_statuses()) names.push_back(status.name);
  EXPECT_THAT(names, ElementsAre("bad", "good", "missing", "wrong"));
  EXPECT_THAT(lines_->lines(), Contains(HasSubstr("Model bad version 1 cannot be loaded: the device refuses it")));
  EXPECT_THAT(lines_->lines(), Contains(HasSubstr("\"state\": \"LOADING\", \"error_code\": \"UNKNOWN\"")));
}

TEST_F(ConfigModeTest, TheIndexSaysWhyAModelServesNothing) {
  const auto base = [this](const char* name) { return (folder_.path() / name).string(); };
  const auto specific = [](int version) {
    return fmt::format(R"(,"model_version_policy":{{"specific":{{"versions":[{}]}}}})", version);
  };
  folder_.write("fileless/1/readme.txt");
  folder_.write("gone/1/m.onnx");
  folder_.write("numberless/first/m.onnx");
  folder_.write("unwanted/1/m.onnx");
  folder_.write("unwanted/2/m.onnx");
  configure({entry("fileless"), entry("gone"), entry("missing"), entry("numberless"), entry("unwanted", specific(3)),
             entry("wrong", R"(,"shape":"x")")});
  ASSERT_TRUE(start().ok());
  std::map<std::string, std::string> reasons;
  for (const auto& status : repository_->all_statuses()) reasons[status.name] = status.problem;
  EXPECT_EQ(reasons["missing"], "base_path " + base("missing") + " is neither a folder of versions nor a model file");
  EXPECT_EQ(reasons["numberless"], "base_path " + base("numberless") + " has no version folder");
  EXPECT_EQ(reasons["unwanted"],
            "model_version_policy is \"specific 3\", but base_path " + base("unwanted") + " has the versions 1,2");
  EXPECT_THAT(reasons["wrong"], HasSubstr("shape"));
  for (const auto* name : {"missing", "numberless", "unwanted", "wrong"}) {
    EXPECT_THAT(lines_->lines(), Contains("modelmanager: Model " + (name + (" cannot be loaded: " + reasons[name]))));
    EXPECT_THAT(index(), Contains(name + ("  UNAVAILABLE " + reasons[name])));
  }
  EXPECT_THAT(index(), Contains(HasSubstr("fileless 1 UNAVAILABLE no model file in " + base("fileless"))));
  EXPECT_THAT(index(), Contains("gone 1 READY "));

  // A version that ended because of it says so, until there is one to serve.
  configure({entry("gone", specific(7))});
  ASSERT_EQ(reload(), "reloaded");
  EXPECT_THAT(index(), Contains(HasSubstr("gone 1 UNAVAILABLE model_version_policy is \"specific 7\", but")));
  EXPECT_THAT(index(), Not(Contains(HasSubstr("missing")))) << "it is not in the configuration any more";
  folder_.write("gone/7/m.onnx");
  ASSERT_EQ(reload(), "reloaded");
  EXPECT_THAT(index(), Contains("gone 1 UNAVAILABLE unloaded"));
  EXPECT_THAT(index(), Contains("gone 7 READY "));
}

TEST_F(ConfigModeTest, RefusesABrokenFileAtStart) {
  options_.config_path = (folder_.path() / "config.json").string();
  EXPECT_THAT(start().to_string(), HasSubstr("Config file not found or cannot open."));
  configure({R"("name":"m","base_pat":"m")"});
  EXPECT_THAT(start().to_string(), HasSubstr("config.base_pat: unknown key"));
}

TEST_F(ConfigModeTest, ChangedEntriesReloadRemovedOnesUnload) {
  folder_.write("a/1/m.onnx", "a");
  folder_.write("b/1/m.onnx", "b");
  configure({entry("a"), entry("b")});
  ASSERT_TRUE(start().ok());
  EXPECT_EQ(factory_->loads().size(), 2U);
  configure({entry("a", R"(,"nireq":3)")});
  EXPECT_EQ(reload(), "reloaded");
  const auto loads = factory_->loads();
  ASSERT_EQ(loads.size(), 3U);
  EXPECT_EQ(loads[2].config.name, "a");
  EXPECT_EQ(loads[2].options.requests, 3U);
  EXPECT_EQ(states("a"), "1:AVAILABLE");
  EXPECT_EQ(states("b"), "1:END");
  EXPECT_EQ(served("b"), "Model with requested version is not found");
  EXPECT_EQ(served("b", 1), "Model with requested version is retired");
  EXPECT_EQ(factory_->alive, 1);
  EXPECT_EQ(reload(), "unchanged");
  configure({entry("a", R"(,"nireq":3)"), entry("b")});
  EXPECT_EQ(reload(), "reloaded");
  EXPECT_EQ(states("b"), "1:AVAILABLE");
}

TEST_F(ConfigModeTest, AChangedPolicyLoadsOnlyWhatIsNew) {
  folder_.write("a/1/m.onnx", "one");
  folder_.write("a/2/m.onnx", "two");
  configure({entry("a")});
  ASSERT_TRUE(start().ok());
  configure({entry("a", R"(,"model_version_policy":{"all":{}})")});
  EXPECT_EQ(reload(), "reloaded");
  EXPECT_EQ(states("a"), "1:AVAILABLE 2:AVAILABLE");
  EXPECT_EQ(factory_->loads().size(), 2U) << "version 2 was not loaded again";
}

TEST_F(ConfigModeTest, AFailedChangeLeavesTheEarlierConfigurationServing) {
  folder_.write("a/1/m.onnx", "one");
  configure({entry("a")});
  ASSERT_TRUE(start().ok());
  folder_.write("a/1/m.onnx", "broken");
  configure({entry("a", R"(,"nireq":3)")});
  EXPECT_EQ(reload(), "INTERNAL: Reloading config file failed. Check server logs for more info.");
  EXPECT_EQ(states("a"), "1:AVAILABLE");
  EXPECT_EQ(served("a"), "one");
  EXPECT_THAT(repository_->status("a", 1)->versions[0].reason, HasSubstr("an earlier configuration still serves"));
  configure({entry("a")});
  EXPECT_EQ(reload(), "reloaded");
  EXPECT_EQ(repository_->status("a", 1)->versions[0].reason, "") << "what serves is what is wanted again";
  EXPECT_EQ(factory_->loads().size(), 2U);
}

TEST_F(ConfigModeTest, AHalfWrittenConfigChangesNothing) {
  folder_.write("a/1/m.onnx", "one");
  configure({entry("a")});
  ASSERT_TRUE(start().ok());
  folder_.write("config.json", R"({"model_config_list":[)");
  const auto broken = repository_->reload();
  ASSERT_FALSE(broken.ok());
  EXPECT_EQ(broken.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(broken.status().message(), "Reloading config file failed. Check server logs for more info.");
  EXPECT_EQ(served("a"), "one");
  folder_.remove("config.json");
  EXPECT_EQ(reload(), "INTERNAL: Config file not found or cannot open.");
  EXPECT_EQ(served("a"), "one");
}

TEST_F(ConfigModeTest, WhatMonitoringSaysIsFollowedAndMayRefuseTheFile) {
  folder_.write("a/1/m.onnx", "one");
  std::vector<std::string> told;
  Status answer;
  options_.on_monitoring = [&](const std::optional<MonitoringConfig>& monitoring) {
    told.emplace_back(!monitoring ? "nothing" : monitoring->metrics_enabled ? "on" : "off");
    return answer;
  };
  configure({entry("a")});
  ASSERT_TRUE(start().ok());
  configure({entry("a")}, R"(,"monitoring":{"metrics":{"enable":true}})");
  EXPECT_EQ(reload(), "reloaded");
  EXPECT_THAT(told, ElementsAre("nothing", "on"));
  answer = invalid_argument("Invalid name in metrics_list - x");
  configure({entry("b")}, R"(,"monitoring":{"metrics":{"enable":false}})");
  EXPECT_THAT(reload(), HasSubstr("Reloading config file failed"));
  EXPECT_EQ(served("a"), "one") << "the whole file is refused";
  EXPECT_THAT(lines_->lines(),
              Contains(HasSubstr("config.json: monitoring: Invalid name in metrics_list - x; what was")));
}

TEST_F(ConfigModeTest, AnotherPlaceForTheMetricsIsSaidToHaveNoEffect) {
  configure({}, R"(,"monitoring":{"metrics":{"enable":true,"endpoint_path":"/m"}})");
  ASSERT_TRUE(start().ok());
  EXPECT_THAT(lines_->lines(), Contains("modelmanager: monitoring.metrics.endpoint_path \"/m\" has no effect: the page "
                                        "is at /metrics"));
}

TEST_F(ConfigModeTest, NamesThatNeverHadAVersionAreForgottenWithTheirEntry) {
  folder_.write("a/1/m.onnx", "a");
  configure({entry("a"), entry("nowhere"), entry("typo", R"(,"shape":"x")")});
  ASSERT_TRUE(start().ok());
  EXPECT_EQ(repository_->all_statuses().size(), 3U);
  configure({entry("a")});
  EXPECT_EQ(reload(), "reloaded");
  EXPECT_EQ(repository_->all_statuses().size(), 1U);
  EXPECT_EQ(states("nowhere"), "Model with requested name is not found");
  EXPECT_EQ(states("a"), "1:AVAILABLE");
}

TEST_F(ConfigModeTest, ASecondModelOfOneNameIsAnErrorOfItsOwn) {
  folder_.write("a/1/m.onnx", "one");
  configure({entry("a"), entry("a", R"(,"nireq":3)")});
  ASSERT_TRUE(start().ok());
  EXPECT_EQ(served("a"), "one");
  EXPECT_THAT(reload(), HasSubstr("Reloading models versions failed"));
}

TEST_F(ConfigModeTest, ANameThatIsTakenIsToldOncePerFile) {
  folder_.write("a/1/m.onnx", "one");
  options_.poll_interval = std::chrono::milliseconds(2);
  configure({entry("a"), entry("a")},
            R"(,"pipeline_config_list":[{"name":"a","inputs":["x"],"nodes":[],"outputs":[]}])");
  ASSERT_TRUE(start().ok());
  // So many passes have been made when the version that comes now is served.
  folder_.write("a/2/m.onnx", "two");
  ASSERT_TRUE(eventually([this] { return served("a") == "two"; }));
  for (const auto* where : {"model_config_list[1]", "pipeline_config_list[0]"}) {
    const auto lines = lines_->lines();
    const auto told = fmt::format("modelmanager: {}: the name \"a\" is already taken by model_config_list[0]", where);
    EXPECT_EQ(std::ranges::count(lines, told), 1) << where;
  }
}

TEST_F(ConfigModeTest, StatefulCannotBeChangedWhileLoaded) {
  folder_.write("a/1/m.onnx", "one");
  configure({entry("a")});
  ASSERT_TRUE(start().ok());
  configure({entry("a", R"(,"stateful":true)")});
  EXPECT_THAT(reload(), HasSubstr("Reloading config file failed"));
  EXPECT_EQ(factory_->loads().size(), 1U);
  EXPECT_THAT(lines_->lines(), Contains(HasSubstr("stateful cannot be changed")));
}

TEST_F(ConfigModeTest, UnsupportedEntriesAreNamed) {
  folder_.write("a/1/m.onnx", "one");
  configure(
      {entry("a", R"(,"custom_loader_options":{"loader_name":"l"})"), R"("name":"cloud","base_path":"s3://bucket/m")"});
  ASSERT_TRUE(start().ok());
  EXPECT_THAT(repository_->status("a", 1)->versions[0].reason, HasSubstr("custom loaders are not supported"));
  EXPECT_THAT(lines_->lines(), Contains(HasSubstr("s3:// storage is not supported")));
}

}  // namespace
}  // namespace ocelli::repository
