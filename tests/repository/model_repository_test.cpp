#include "repository/model_repository.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <map>
#include <thread>

#include "repository/repository_fixture.hpp"

namespace ocelli::repository {
namespace {

using ModelRepositoryTest = test::RepositoryTest;
using test::eventually;
using test::kSoon;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(ModelRepositoryTest, SingleModelServesItsHighestVersion) {
  folder_.write("m/1/m.onnx", "one");
  folder_.write("m/3/m.onnx", "three");
  options_.models = {model("m")};
  make();
  EXPECT_FALSE(repository_->ready());
  EXPECT_EQ(served("m"), "Model with requested name is not found");
  ASSERT_TRUE(repository_->start().ok());
  EXPECT_TRUE(repository_->ready());
  EXPECT_EQ(served("m"), "three");
  EXPECT_EQ(served("m", 0), "three");
  EXPECT_EQ(served("m", 3), "three");
  EXPECT_EQ(served("m", 1), "Model with requested version is not found");
  EXPECT_EQ(served("n"), "Model with requested name is not found");
  EXPECT_EQ(repository_->find("m", 1).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(states("m"), "3:AVAILABLE");
  EXPECT_THAT(repository_->status("m", 9).status().to_string(), HasSubstr("Model with requested version is not found"));
}

TEST_F(ModelRepositoryTest, LogLinesThatToolsWaitFor) {
  folder_.write("m/1/m.onnx", "one");
  options_.models = {model("m")};
  options_.cache_dir = "/tmp/cache";
  ASSERT_TRUE(start().ok());
  const auto change = [](const char* state) {
    return std::string("modelmanager: STATUS CHANGE: Version 1 of model m status change. New status: ( \"state\": \"") +
           state + "\", \"error_code\": \"OK\" )";
  };
  const auto lines = lines_->lines();
  EXPECT_THAT(lines, Contains("modelmanager: Model cache is enabled: /tmp/cache"));
  EXPECT_THAT(lines, Contains("modelmanager: Loaded model m; version: 1; batch size: 4; No of InferRequests: 1"));
  EXPECT_THAT(lines, Contains("modelmanager: Started model manager thread"));
  std::vector<std::string> changes;
  for (const auto& line : lines) {
    if (line.find("STATUS CHANGE") != std::string::npos) changes.push_back(line);
  }
  EXPECT_THAT(changes, ElementsAre(change("START"), change("LOADING"), change("AVAILABLE")));
}

TEST_F(ModelRepositoryTest, ABatchSizeBesideAShapeIsSaidToBeIgnored) {
  for (const char* name : {"both", "batch", "shape"}) folder_.write(std::string(name) + "/1/m.onnx", "one");
  configure({entry("both", R"(,"batch_size":"auto","shape":"[1,4]")"), entry("batch", R"(,"batch_size":2)"),
             entry("shape", R"(,"shape":"[1,4]","batch_size":0)")});
  ASSERT_TRUE(start().ok());
  const auto lines = lines_->lines();
  const auto ignored = [](const std::string& line) { return line.find("will be ignored") != std::string::npos; };
  EXPECT_EQ(std::ranges::count_if(lines, ignored), 1);
  EXPECT_THAT(lines, Contains("modelmanager: Model both: Both shape and batch size have been defined. Batch size "
                              "parameter will be ignored."));
}

TEST_F(ModelRepositoryTest, AnnouncesEveryChangeOfAStateAndReadiness) {
  folder_.write("m/1/m.onnx", "one");
  options_.models = {model("m")};
  make();
  std::vector<std::string> seen;
  const auto subscription =
      repository_->changes().subscribe([&] { seen.push_back(states("m") + (repository_->ready() ? " ready" : "")); });
  ASSERT_TRUE(repository_->start().ok());
  EXPECT_THAT(seen, ElementsAre("", "1:START", "1:LOADING", "1:AVAILABLE", "1:AVAILABLE ready"));
  repository_->stop();
  EXPECT_EQ(seen.back(), "1:END ready");
}

TEST_F(ModelRepositoryTest, SingleModelThatCannotLoadIsFatal) {
  options_.models = {model("m")};
  EXPECT_THAT(start().to_string(), HasSubstr("is neither a folder of versions nor a model file"));
  folder_.write("m/1/m.onnx", "broken");
  EXPECT_THAT(start().to_string(), HasSubstr("the file is broken"));
  EXPECT_FALSE(repository_->ready());
  folder_.remove("m");
  std::filesystem::create_directories(folder_.path() / "m");
  EXPECT_THAT(start().to_string(), HasSubstr("has no version folder"));
  folder_.write("m/1/m.onnx");
  options_.models[0].version_policy = {VersionPolicy::Kind::kSpecific, 1, {3}};
  EXPECT_THAT(start().to_string(),
              HasSubstr("model m has no version to serve: model_version_policy is \"specific 3\""));
}

TEST_F(ModelRepositoryTest, AModelFileIsVersionOne) {
  ModelConfig config = model("m");
  config.base_path = folder_.write("net.onnx", "net").string();
  options_.models = {config};
  ASSERT_TRUE(start().ok());
  EXPECT_EQ(served("m", 1), "net");
}

TEST_F(ModelRepositoryTest, ANewVersionReplacesTheOldOneWhenItIsReady) {
  folder_.write("m/1/m.onnx", "one");
  options_.models = {model("m")};
  ASSERT_TRUE(start().ok());
  folder_.write("m/2/m.onnx", "two");
  factory_->hold();
  auto reloading = std::async(std::launch::async, [this] { return reload(); });
  ASSERT_TRUE(factory_->wait_for_loads(2));
  EXPECT_EQ(states("m"), "1:AVAILABLE 2:LOADING");
  EXPECT_EQ(served("m"), "one");
  EXPECT_EQ(served("m", 2), "Model with requested version is not loaded yet");
  EXPECT_EQ(repository_->find("m", 2).status().code(), StatusCode::kNotLoadedYet);
  factory_->release();
  EXPECT_EQ(reloading.get(), "reloaded");
  EXPECT_EQ(states("m"), "1:END 2:AVAILABLE");
  EXPECT_EQ(served("m"), "two");
  EXPECT_EQ(served("m", 1), "Model with requested version is retired");
  EXPECT_EQ(factory_->alive, 1);
  EXPECT_EQ(reload(), "unchanged");
}

TEST_F(ModelRepositoryTest, ABrokenNewVersionLeavesTheOldOneServing) {
  folder_.write("m/1/m.onnx", "one");
  options_.models = {model("m")};
  ASSERT_TRUE(start().ok());
  folder_.write("m/2/m.onnx", "broken");
  EXPECT_EQ(reload(), "INTERNAL: Reloading models versions failed. Check server logs for more info.");
  EXPECT_EQ(states("m"), "1:AVAILABLE 2:LOADING!");
  EXPECT_EQ(served("m"), "one");
  const auto status = repository_->status("m", 2);
  EXPECT_EQ(status->versions[0].reason, "the file is broken");
  // It goes on to fail as long as a version is wanted that cannot be loaded, and names it in the log each time.
  const auto told = [this] {
    const auto lines = lines_->lines();
    return std::count(lines.begin(), lines.end(),
                      "modelmanager: Model m version 2 cannot be loaded: the file is broken");
  };
  const auto before = told();
  EXPECT_EQ(reload(), "INTERNAL: Reloading models versions failed. Check server logs for more info.");
  EXPECT_EQ(told(), before + 1);
  folder_.write("m/2/m.onnx", "two");
  EXPECT_EQ(reload(), "reloaded");
  EXPECT_EQ(states("m"), "1:END 2:AVAILABLE");
}

TEST_F(ModelRepositoryTest, AVersionInUseIsUnloadedWhenTheLastRequestIsDone) {
  folder_.write("m/1/m.onnx", "one");
  options_.models = {model("m")};
  ASSERT_TRUE(start().ok());
  auto handle = repository_->find("m", std::nullopt);
  ASSERT_TRUE(handle.ok());
  folder_.write("m/2/m.onnx", "two");
  EXPECT_EQ(reload(), "reloaded");
  EXPECT_EQ(states("m"), "1:UNLOADING 2:AVAILABLE");
  EXPECT_EQ((*handle)->metadata().platform, "one");
  EXPECT_EQ(factory_->alive, 2);
  handle = not_found("let go");
  EXPECT_TRUE(eventually([this] { return states("m") == "1:END 2:AVAILABLE"; }));
  EXPECT_EQ(factory_->alive, 1);
}

TEST_F(ModelRepositoryTest, ReplacedFilesInsideAVersionGoUnnoticed) {
  folder_.write("m/1/m.onnx", "one");
  options_.models = {model("m")};
  ASSERT_TRUE(start().ok());
  folder_.write("m/1/m.onnx", "another");
  EXPECT_EQ(reload(), "unchanged");
  EXPECT_EQ(served("m"), "one");
}

TEST_F(ModelRepositoryTest, RemovedVersionFoldersAreRetiredButAMissingRepositoryIsNot) {
  folder_.write("m/1/m.onnx", "one");
  folder_.write("m/2/m.onnx", "two");
  ModelConfig config = model("m");
  config.version_policy.kind = VersionPolicy::Kind::kAll;
  options_.models = {config};
  ASSERT_TRUE(start().ok());
  folder_.remove("m/2");
  EXPECT_EQ(reload(), "reloaded");
  EXPECT_EQ(states("m"), "1:AVAILABLE 2:END");
  EXPECT_EQ(served("m"), "one");
  folder_.remove("m");
  EXPECT_THAT(reload(), HasSubstr("Reloading models versions failed"));
  EXPECT_EQ(served("m"), "one") << "a share that is away for a moment must not stop the service";
  folder_.write("m/2/m.onnx", "two again");
  EXPECT_EQ(reload(), "reloaded");
  EXPECT_EQ(states("m"), "1:END 2:AVAILABLE");
  EXPECT_EQ(served("m"), "two again");
}

TEST_F(ModelRepositoryTest, ConfigModeStartsWithFailedModels) {
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

TEST_F(ModelRepositoryTest, TheIndexSaysWhyAModelServesNothing) {
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

TEST_F(ModelRepositoryTest, ConfigModeRefusesABrokenFileAtStart) {
  options_.config_path = (folder_.path() / "config.json").string();
  EXPECT_THAT(start().to_string(), HasSubstr("Config file not found or cannot open."));
  configure({R"("name":"m","base_pat":"m")"});
  EXPECT_THAT(start().to_string(), HasSubstr("config.base_pat: unknown key"));
}

TEST_F(ModelRepositoryTest, ChangedEntriesReloadRemovedOnesUnload) {
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

TEST_F(ModelRepositoryTest, AChangedPolicyLoadsOnlyWhatIsNew) {
  folder_.write("a/1/m.onnx", "one");
  folder_.write("a/2/m.onnx", "two");
  configure({entry("a")});
  ASSERT_TRUE(start().ok());
  configure({entry("a", R"(,"model_version_policy":{"all":{}})")});
  EXPECT_EQ(reload(), "reloaded");
  EXPECT_EQ(states("a"), "1:AVAILABLE 2:AVAILABLE");
  EXPECT_EQ(factory_->loads().size(), 2U) << "version 2 was not loaded again";
}

TEST_F(ModelRepositoryTest, AFailedChangeLeavesTheEarlierConfigurationServing) {
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

TEST_F(ModelRepositoryTest, AHalfWrittenConfigChangesNothing) {
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

TEST_F(ModelRepositoryTest, WhatMonitoringSaysIsFollowedAndMayRefuseTheFile) {
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

TEST_F(ModelRepositoryTest, AnotherPlaceForTheMetricsIsSaidToHaveNoEffect) {
  configure({}, R"(,"monitoring":{"metrics":{"enable":true,"endpoint_path":"/m"}})");
  ASSERT_TRUE(start().ok());
  EXPECT_THAT(lines_->lines(), Contains("modelmanager: monitoring.metrics.endpoint_path \"/m\" has no effect: the page "
                                        "is at /metrics"));
}

TEST_F(ModelRepositoryTest, NamesThatNeverHadAVersionAreForgottenWithTheirEntry) {
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

TEST_F(ModelRepositoryTest, ASecondModelOfOneNameIsAnErrorOfItsOwn) {
  folder_.write("a/1/m.onnx", "one");
  configure({entry("a"), entry("a", R"(,"nireq":3)")});
  ASSERT_TRUE(start().ok());
  EXPECT_EQ(served("a"), "one");
  EXPECT_THAT(reload(), HasSubstr("Reloading models versions failed"));
}

TEST_F(ModelRepositoryTest, ANameThatIsTakenIsToldOncePerFile) {
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

TEST_F(ModelRepositoryTest, StatefulCannotBeChangedWhileLoaded) {
  folder_.write("a/1/m.onnx", "one");
  configure({entry("a")});
  ASSERT_TRUE(start().ok());
  configure({entry("a", R"(,"stateful":true)")});
  EXPECT_THAT(reload(), HasSubstr("Reloading config file failed"));
  EXPECT_EQ(factory_->loads().size(), 1U);
  EXPECT_THAT(lines_->lines(), Contains(HasSubstr("stateful cannot be changed")));
}

TEST_F(ModelRepositoryTest, UnsupportedEntriesAreNamed) {
  folder_.write("a/1/m.onnx", "one");
  configure(
      {entry("a", R"(,"custom_loader_options":{"loader_name":"l"})"), R"("name":"cloud","base_path":"s3://bucket/m")"});
  ASSERT_TRUE(start().ok());
  EXPECT_THAT(repository_->status("a", 1)->versions[0].reason, HasSubstr("custom loaders are not supported"));
  EXPECT_THAT(lines_->lines(), Contains(HasSubstr("s3:// storage is not supported")));
}

TEST_F(ModelRepositoryTest, TheWatcherSeesNewVersionsAndConfigurations) {
  folder_.write("a/1/m.onnx", "one");
  configure({entry("a")});
  options_.poll_interval = std::chrono::milliseconds(5);
  ASSERT_TRUE(start().ok());
  folder_.write("a/2/m.onnx", "two");
  EXPECT_TRUE(eventually([this] { return states("a") == "1:END 2:AVAILABLE"; })) << states("a");
  folder_.write("b/1/m.onnx", "b");
  configure({entry("b")});
  EXPECT_TRUE(eventually([this] { return served("b") == "b" && states("a") == "1:END 2:END"; }));
}

TEST_F(ModelRepositoryTest, TheWatcherTriesFailedLoadsAgain) {
  folder_.write("a/1/m.onnx", "refused");
  configure({entry("a")});
  options_.poll_interval = std::chrono::milliseconds(5);
  ASSERT_TRUE(start().ok());
  EXPECT_TRUE(factory_->wait_for_loads(3)) << "again and again, although nothing has changed";
  folder_.write("a/1/m.onnx", "better");
  EXPECT_TRUE(eventually([this] { return served("a") == "better"; }));
}

// Nobody would catch what is thrown on the watcher's thread.
TEST_F(ModelRepositoryTest, AModelThatMemoryOrThreadsAreMissingForIsTriedAgain) {
  folder_.write("good/1/m.onnx", "good");
  folder_.write("a/1/m.onnx", "no memory");
  folder_.write("b/1/m.onnx", "no thread");
  configure({entry("good"), entry("a"), entry("b")});
  options_.poll_interval = std::chrono::milliseconds(5);
  ASSERT_TRUE(start().ok());
  EXPECT_TRUE(factory_->wait_for_loads(6));
  EXPECT_EQ(served("good"), "good");
  const auto reason = [this](const char* name) { return repository_->status(name, std::nullopt)->versions[0].reason; };
  EXPECT_EQ(reason("a"), "no memory or no thread for it: std::bad_alloc");
  EXPECT_EQ(reason("b"), "no memory or no thread for it: Resource temporarily unavailable");
  folder_.write("a/1/m.onnx", "better");
  EXPECT_TRUE(eventually([this] { return served("a") == "better"; }));
}

TEST_F(ModelRepositoryTest, StoppingDoesNotWaitForTheNextPoll) {
  folder_.write("a/1/m.onnx", "one");
  options_.models = {model("a")};
  options_.poll_interval = std::chrono::hours(1);
  ASSERT_TRUE(start().ok());
  const auto begin = Clock::now();
  repository_->stop();
  EXPECT_LT(Clock::now() - begin, kSoon);
  EXPECT_EQ(states("a"), "1:END");
  EXPECT_EQ(served("a"), "Model with requested version is not found");
  EXPECT_EQ(repository_->reload().status().code(), StatusCode::kUnavailable);
}

TEST_F(ModelRepositoryTest, StoppingWhileModelsLoadEndsAfterTheOneUnderWay) {
  constexpr std::size_t kModels = 200;
  for (std::size_t i = 0; i < kModels; ++i) {
    const std::string name = "m" + std::to_string(i);
    folder_.write(name + "/1/m.onnx", name);
    options_.models.push_back(model(name));
  }
  options_.load_threads = 1;
  make();
  factory_->hold();
  auto starting = std::async(std::launch::async, [this] { return repository_->start(); });
  ASSERT_TRUE(factory_->wait_for_loads(1));
  auto stopping = std::async(std::launch::async, [this] { repository_->stop(); });
  // One model after the other, until the stop takes effect.
  while (factory_->loads().size() < kModels &&
         stopping.wait_for(std::chrono::milliseconds(10)) != std::future_status::ready) {
    factory_->release_one();
  }
  factory_->release();
  stopping.get();
  EXPECT_EQ(starting.get().code(), StatusCode::kUnavailable);
  EXPECT_LT(factory_->loads().size(), kModels);
}

TEST_F(ModelRepositoryTest, HandlesMayOutliveTheRepository) {
  folder_.write("a/1/m.onnx", "one");
  options_.models = {model("a")};
  ASSERT_TRUE(start().ok());
  auto handle = repository_->find("a", std::nullopt);
  repository_->stop(std::chrono::milliseconds(1));
  EXPECT_EQ(states("a"), "1:UNLOADING");
  repository_.reset();
  EXPECT_EQ((*handle)->metadata().platform, "one");
  handle = not_found("let go");
  EXPECT_EQ(factory_->alive, 0);
}

}  // namespace
}  // namespace ocelli::repository
