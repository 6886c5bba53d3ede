// The repository as those see it who ask it: requests that wait, the factory, explicit control.
#include "repository/model_repository.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <future>
#include <optional>
#include <string>

#include "repository/repository_fixture.hpp"
#include "repository/sent_folder.hpp"

namespace ocelli::repository {
namespace {

using RepositoryUseTest = test::RepositoryTest;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
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
    repository_->find_when_loaded("a", version, [promise](Result<serving::ServableHandle> found) {
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
  repository_->find_when_loaded("a", 1, [&](Result<serving::ServableHandle> found) { late.set_value(found.status()); });
  EXPECT_EQ(late.get_future().get().code(), StatusCode::kNotLoadedYet);
  factory_->release();
  EXPECT_TRUE(starting.get().ok());
  bool told = false;
  repository_->find_when_loaded("a", 1, [&](Result<serving::ServableHandle> found) {
    told = true;
    EXPECT_EQ(found.status().code(), StatusCode::kNotLoadedYet);
  });
  EXPECT_TRUE(told) << "a version that failed is not waited for";
  repository_->find_when_loaded(
      "x", 1, [&](Result<serving::ServableHandle> found) { EXPECT_EQ(found.status().code(), StatusCode::kNotFound); });
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
  repository_->find_when_loaded("a", 1, [&](const Result<serving::ServableHandle>&) { told.set_value(true); });
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

// --- explicit control

TEST_F(RepositoryUseTest, ExplicitControlLoadsOnDemand) {
  folder_.write("a/1/m.onnx", "a");
  folder_.write("b/1/m.onnx", "b");
  configure({entry("a"), entry("b")});
  options_.explicit_control = true;
  options_.load_at_start = {"a"};
  ASSERT_TRUE(start().ok());
  EXPECT_EQ(served("a"), "a");
  EXPECT_EQ(states("b"), "") << "known, but not loaded";
  EXPECT_THAT(index(), ElementsAre("a 1 READY ", "b  UNAVAILABLE not loaded"));
  EXPECT_EQ(load("c", "").code(), StatusCode::kNotFound);
  EXPECT_THAT(load("b", R"({"base_path":"/no/such/folder"})").to_string(),
              HasSubstr("failed to load 'b', base_path /no/such/folder is neither"));
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

TEST_F(RepositoryUseTest, ExplicitLoadTakesOverridesAndSeesReplacedFiles) {
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

TEST_F(RepositoryUseTest, ExplicitLoadTakesTritonsConfiguration) {
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

// Folders of models that came with requests.
std::vector<std::filesystem::path> sent_folders(const test::TemporaryFolder& temporary) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(temporary.path())) {
    if (entry.path().filename().string().starts_with("ocelli-model-")) found.push_back(entry.path());
  }
  return found;
}

// Temporary files go into the test's own folder.
class SentModelTest : public RepositoryUseTest {
 protected:
  SentModelTest() {
    if (const char* before = std::getenv("TMPDIR")) before_ = before;
    ::setenv("TMPDIR", folder_.path().c_str(), 1);
    folder_.write("a/1/m.onnx", "one");
    configure({entry("a", R"(,"nireq":2)")}, R"(,"pipeline_config_list":[])");
    options_.explicit_control = true;
    options_.load_at_start = {"a"};
  }
  // The repository deletes what it was sent, so it goes first.
  ~SentModelTest() override {
    factory_->release();
    repository_.reset();
    before_ ? ::setenv("TMPDIR", before_->c_str(), 1) : ::unsetenv("TMPDIR");
  }

 private:
  std::optional<std::string> before_;
};

TEST_F(SentModelTest, ServesExactlyTheFilesUntilItIsUnloaded) {
  ASSERT_TRUE(start().ok());
  const Status sent = load("a", "{}", {{"1/m.onnx", "sent"}, {"1/more/deep.bin", "x"}, {"labels.txt", ""}});
  ASSERT_TRUE(sent.ok()) << sent.to_string();
  EXPECT_EQ(served("a"), "sent");
  EXPECT_EQ(factory_->loads().back().config.nireq, 2U) << "what the request does not say stays as configured";
  const auto folders = sent_folders(folder_);
  ASSERT_EQ(folders.size(), 1U);
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(folders[0]).permissions(), perms::owner_all);
  EXPECT_EQ(std::filesystem::file_size(folders[0] / "1/more/deep.bin"), 1U);

  ASSERT_TRUE(load("a", "{}", {{"7/m.onnx", "again"}}).ok());
  EXPECT_EQ(states("a"), "1:END 7:AVAILABLE");
  EXPECT_EQ(served("a"), "again");
  const auto held = repository_->find("a", std::nullopt);
  ASSERT_TRUE(load("a", "").ok());
  EXPECT_EQ(served("a"), "one");
  EXPECT_EQ(sent_folders(folder_).size(), 1U) << "a request still uses the model";
}

TEST_F(SentModelTest, FoldersGoWithTheirModels) {
  ASSERT_TRUE(start().ok());
  ASSERT_TRUE(load("a", "{}", {{"1/m.onnx", "sent"}}).ok());
  ASSERT_TRUE(repository_->unload("a").ok());
  EXPECT_THAT(sent_folders(folder_), IsEmpty());
  ASSERT_TRUE(load("a", "{}", {{"1/m.onnx", "sent"}}).ok());
  ASSERT_TRUE(load("new", "{}", {{"1/m.onnx", "new"}}).ok());
  EXPECT_EQ(sent_folders(folder_).size(), 2U);
  repository_.reset();
  EXPECT_THAT(sent_folders(folder_), IsEmpty()) << "the server's end";
}

TEST_F(SentModelTest, WhatAKilledServerLeftIsDeletedAtTheNextStart) {
  for (const char* name : {"ocelli-model-dead", "ocelli-model-alive", "ocelli-model-new", "else"})
    folder_.write(std::string(name) + "/1/m.onnx");
  ASSERT_TRUE(FolderLock::take(folder_.path() / "ocelli-model-dead").ok()) << "and let go of at once, as its end does";
  ASSERT_TRUE(FolderLock::take(folder_.path() / "else").ok());
  const auto alive = FolderLock::take(folder_.path() / "ocelli-model-alive");
  ASSERT_TRUE(alive.ok());
  ASSERT_TRUE(start().ok());
  EXPECT_THAT(sent_folders(folder_), testing::UnorderedElementsAre(folder_.path() / "ocelli-model-alive",
                                                                   folder_.path() / "ocelli-model-new"));
  EXPECT_TRUE(std::filesystem::exists(folder_.path() / "else/1/m.onnx"));
}

TEST_F(SentModelTest, AModelOfAnyNameMayCome) {
  ASSERT_TRUE(start().ok());
  ASSERT_TRUE(load("new", R"({"backend":"onnxruntime"})", {{"3/m.onnx", "new"}}).ok());
  EXPECT_EQ(served("new"), "new");
  EXPECT_EQ(reload(), "unchanged") << "it stays beside the configuration";
  EXPECT_EQ(served("new"), "new");
  ASSERT_TRUE(repository_->unload("new").ok());
  EXPECT_EQ(states("new"), "3:END");
  EXPECT_EQ(load("new", "").code(), StatusCode::kNotFound);
  EXPECT_EQ(load("none", "{}").code(), StatusCode::kNotFound);
}

TEST_F(SentModelTest, FilesThatCannotBeUsedLeaveEverythingAsItWas) {
  ASSERT_TRUE(start().ok());
  EXPECT_THAT(load("a", "{}", {{"1/m.onnx", "broken"}}).to_string(), HasSubstr("version 1: an earlier configuration"));
  EXPECT_EQ(served("a"), "one");
  EXPECT_THAT(load("new", "{}", {{"1/m.onnx", "broken"}}).to_string(), HasSubstr("failed to load 'new', version 1"));
  EXPECT_EQ(load("new", "").code(), StatusCode::kNotFound);
  EXPECT_THAT(load("a", "", {{"1/m.onnx", "x"}}).to_string(), HasSubstr("config: expected beside the files"));
  EXPECT_THAT(load("a", R"({"foo":1})", {{"1/m.onnx", "x"}}).to_string(), HasSubstr("foo: unknown key"));
  EXPECT_THAT(load("a", R"({"base_path":"/x"})", {{"1/m.onnx", "x"}}).to_string(), HasSubstr("beside files"));
  EXPECT_THAT(load("a", "{}", {{"m.onnx", "x"}}).to_string(), HasSubstr("no file lies in a version folder"));
  EXPECT_THAT(load("a", "{}", {{"1/m.onnx", "x"}, {"1/m.onnx", "y"}}).to_string(), HasSubstr("given twice"));
  EXPECT_THAT(load("a", "{}", {{"1/m", "x"}, {"1/m/n", "y"}}).to_string(), HasSubstr("as a file and as a folder"));
  EXPECT_THAT(load("a", "{}", {{"../m.onnx", "x"}}).to_string(), HasSubstr("without . and .."));
  EXPECT_EQ(load("a", "{}", {{"../m.onnx", "x"}}).code(), StatusCode::kInvalidArgument);
  const std::vector<std::pair<std::string, std::string>> many(257, {"1/m.onnx", "x"});
  EXPECT_THAT(load("a", "{}", many).to_string(), HasSubstr("at most 256 files expected"));
  EXPECT_EQ(served("a"), "one");
  EXPECT_EQ(reload(), "unchanged");
  EXPECT_THAT(sent_folders(folder_), IsEmpty());
}

TEST(SentPath, OnlyPlacesInsideTheFolderAreTaken) {
  for (const char* good : {"1/model.onnx", "12/variables/index", "mapping_config.json", "1/a b", "1/..a", "1/é"})
    EXPECT_TRUE(check_sent_path(good).ok()) << good;
  for (const char* bad : {"", "/", "/1/m", "1/", "1//m", "../m", "1/../m", "1/..", ".", "..", "./1/m", "a/m", "01/m",
                          "0/m", "-1/m", "1/a\\b", "1/a\nb", "1/2/3/4/5/6/7/8/9"})
    EXPECT_EQ(check_sent_path(bad).code(), StatusCode::kInvalidArgument) << bad;
  EXPECT_FALSE(check_sent_path("1/" + std::string(256, 'a')).ok());
}

TEST_F(RepositoryUseTest, PipelinesAreNotLoadedByRequest) {
  folder_.write("a/1/m.onnx", "a");
  configure({entry("a")}, R"(,"pipeline_config_list":[{"name":"p","inputs":["x"],"nodes":[{"name":"n","type":"DL model",
      "model_name":"a","inputs":[{"x":{"node_name":"request","data_item":"x"}}],
      "outputs":[{"data_item":"y","alias":"y"}]}],"outputs":[{"y":{"node_name":"n","data_item":"y"}}]}])");
  options_.explicit_control = true;
  ASSERT_TRUE(start().ok());
  EXPECT_EQ(repository_->unload("p").code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(load("p", "{}", {{"1/m.onnx", "x"}}).to_string(), HasSubstr("'p' is the name of a pipeline"));
}

TEST_F(RepositoryUseTest, ExplicitControlMayLoadEverythingAtTheStart) {
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

TEST_F(RepositoryUseTest, LoadAndUnloadNeedExplicitControl) {
  folder_.write("a/1/m.onnx", "a");
  options_.models = {model("a")};
  ASSERT_TRUE(start().ok());
  EXPECT_EQ(load("a", "").code(), StatusCode::kUnavailable);
  EXPECT_EQ(repository_->unload("a").code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace ocelli::repository
