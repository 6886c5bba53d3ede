// Models whose files come with the request to load them.
#include "repository/sent_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <future>
#include <optional>

#include "repository/repository_fixture.hpp"

namespace ocelli::repository {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Folders of models that came with requests.
std::vector<std::filesystem::path> sent_folders(const test::TemporaryFolder& temporary) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(temporary.path())) {
    if (entry.path().filename().string().starts_with("ocelli-model-")) found.push_back(entry.path());
  }
  return found;
}

// Temporary files go into the test's own folder.
class SentModelTest : public test::RepositoryTest {
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
  EXPECT_THAT(load("a", R"({"base_path":"/x"})", {{"1/m.onnx", "x"}}).to_string(),
              HasSubstr("config override: base_path: only"));
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

TEST_F(SentModelTest, SaysWhyNoneOfTheFilesIsServed) {
  ASSERT_TRUE(start().ok());
  EXPECT_THAT(load("new", R"({"version_policy":{"specific":{"versions":[5]}}})", {{"1/m.onnx", "x"}}).to_string(),
              HasSubstr("failed to load 'new', model_version_policy is \"specific 5\", but"));
  EXPECT_EQ(states("new"), "Model with requested name is not found") << "all is as it was";
}

TEST_F(SentModelTest, NobodyWaitsForTheFilesOfAnother) {
  ASSERT_TRUE(start().ok());
  serving::SentModel sent{"{}", {}};
  sent.files.push_back({"1/m.onnx", [this](const serving::SentFile::Take&) -> Status {
                          auto unloading = std::async(std::launch::async, [this] { return repository_->unload("a"); });
                          const bool done = unloading.wait_for(test::kSoon) == std::future_status::ready;
                          EXPECT_TRUE(done);
                          if (!done) std::abort();  // else it waits for ever
                          return invalid_argument("no content");
                        }});
  EXPECT_THAT(repository_->load("new", sent).to_string(), HasSubstr("no content"));
  EXPECT_EQ(states("a"), "1:END");
}

TEST_F(SentModelTest, NothingIsWrittenForALoadThatIsRefusedAnyway) {
  ASSERT_TRUE(start().ok());
  serving::SentModel sent{R"({"foo":1})", {}};
  sent.files.push_back({"1/m.onnx", [](const serving::SentFile::Take&) -> Status {
                          ADD_FAILURE() << "it is read";
                          return {};
                        }});
  EXPECT_THAT(repository_->load("new", sent).to_string(), HasSubstr("foo: unknown key"));
  EXPECT_THAT(repository_->load("new\n", {"{}", sent.files}).to_string(), HasSubstr("printable"));
}

TEST_F(SentModelTest, APipelineGetsItsNameWhenTheModelIsUnloaded) {
  ASSERT_TRUE(start().ok());
  ASSERT_TRUE(load("new", "{}", {{"1/m.onnx", "new"}}).ok());
  configure({entry("a", R"(,"nireq":2)")}, pipeline_section("new", "a"));
  EXPECT_THAT(reload(), HasSubstr("failed"));
  EXPECT_EQ(served("new"), "new");
  EXPECT_THAT(lines_->lines(), Contains(HasSubstr("pipeline new: the name is taken by a model that came")));
  ASSERT_TRUE(load("new", "{}", {{"1/m.onnx", "newer"}}).ok());
  EXPECT_EQ(served("new"), "newer");
  ASSERT_EQ(repository_->unload("new").to_string(), "OK");
  EXPECT_EQ(served("new"), "one;");
  EXPECT_EQ(repository_->unload("new").code(), StatusCode::kInvalidArgument) << "it is a pipeline now";
}

TEST(SentPath, OnlyPlacesInsideTheFolderAreTaken) {
  for (const char* good : {"1/model.onnx", "12/variables/index", "mapping_config.json", "1/a b", "1/..a", "1/é"})
    EXPECT_TRUE(check_sent_path(good).ok()) << good;
  for (const char* bad : {"", "/", "/1/m", "1/", "1//m", "../m", "1/../m", "1/..", ".", "..", "./1/m", "a/m", "01/m",
                          "0/m", "-1/m", "1/a\\b", "1/a\nb", "1/2/3/4/5/6/7/8/9"})
    EXPECT_EQ(check_sent_path(bad).code(), StatusCode::kInvalidArgument) << bad;
  EXPECT_FALSE(check_sent_path("1/" + std::string(256, 'a')).ok());
}

}  // namespace
}  // namespace ocelli::repository
