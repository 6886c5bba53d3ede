#include "repository/model_repository.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <future>

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

TEST_F(ModelRepositoryTest, AnAutomaticShapeIsThatOfAnInputOfTheModel) {
  folder_.write("m/1/m.onnx", "one");
  configure({entry("m", R"(,"shape":{"nosuch":"auto"})")});
  ASSERT_TRUE(start().ok());
  EXPECT_EQ(states("m"), "1:LOADING!");
  EXPECT_EQ(repository_->status("m", 1)->versions.at(0).reason, "shape auto: the model has no input nosuch");
  configure({entry("m", R"(,"shape":{"x":"auto"})")});
  EXPECT_EQ(reload(), "reloaded");
  EXPECT_EQ(states("m"), "1:AVAILABLE");
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

// Somebody copies it just now.
TEST_F(ModelRepositoryTest, AVersionFolderWithoutAModelDoesNotTakeTheOthersPlace) {
  folder_.write("m/1/m.onnx", "one");
  folder_.write("m/2/readme.txt", "to come");
  options_.models = {model("m")};
  ASSERT_TRUE(start().ok());
  EXPECT_EQ(states("m"), "1:AVAILABLE");
  EXPECT_EQ(reload(), "unchanged");
  const auto told = [this] {
    return std::ranges::count_if(lines_->lines(),
                                 [](const auto& line) { return line.find("it is not served") != std::string::npos; });
  };
  EXPECT_EQ(told(), 1);
  folder_.write("m/2/m.onnx", "two");
  EXPECT_EQ(reload(), "reloaded");
  EXPECT_EQ(served("m"), "two");
  std::filesystem::remove(folder_.path() / "m/2/m.onnx");
  EXPECT_EQ(reload(), "unchanged") << "what is loaded goes on";
  EXPECT_EQ(served("m"), "two");
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
