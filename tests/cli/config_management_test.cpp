#include "cli/config_management.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace ocelli::cli {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class ConfigManagement : public testing::Test {
 protected:
  ConfigManagement() { fs::create_directories(folder_); }
  ~ConfigManagement() override { fs::remove_all(folder_); }

  void touch(const std::string& path, const std::string& text = "") const {
    fs::create_directories((folder_ / path).parent_path());
    std::ofstream(folder_ / path) << text;
  }
  std::string text(const std::string& path) const {
    std::ifstream file(folder_ / path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  CommandLine line(bool add) const {
    CommandLine line;
    line.add_to_config = add;
    line.remove_from_config = !add;
    line.server.config_path = (folder_ / "config.json").string();
    line.server.model.model_name = "m";
    return line;
  }

  fs::path folder_ = fs::path(testing::TempDir()) / ("config_management_" + std::to_string(::getpid()));
};

TEST_F(ConfigManagement, FindsServablesByTheirFileSets) {
  touch("ir/1/m.xml");
  touch("ir/1/m.bin");
  touch("half_ir/1/m.xml");
  touch("deep/er/onnx/12/m.onnx");
  touch("leading_zero/01/m.onnx");
  touch("word/one/m.onnx");
  touch("saved/3/saved_model.pb");
  touch("paddle/1/m.pdmodel");
  touch("paddle/1/m.pdiparams");
  touch("lite/1/m.tflite");
  touch("graph/graph.pbtxt");
  const auto found = find_servables(folder_);
  ASSERT_TRUE(found.ok());
  EXPECT_THAT(*found, ElementsAre("deep/er/onnx", "graph", "ir", "lite", "paddle", "saved"));
}

TEST_F(ConfigManagement, LinksInCirclesAreNotFollowed) {
  touch("group/m/1/m.onnx");
  for (const char* name : {"a", "b", "c", "group/up"}) fs::create_symlink(folder_, folder_ / name);
  fs::create_symlink("group", folder_ / "other");
  const auto found = find_servables(folder_);
  ASSERT_TRUE(found.ok());
  EXPECT_THAT(*found, ElementsAre("group/m", "other/m"));
}

TEST_F(ConfigManagement, LinksThatMultiplyWhatThereIsAreRefused) {
  // Eight folders with links to each other: 8! ways through them.
  constexpr int kFolders = 8;
  for (int from = 0; from < kFolders; ++from) {
    const auto folder = folder_ / std::to_string(from);
    fs::create_directories(folder);
    for (int to = 0; to < kFolders; ++to)
      fs::create_symlink("../" + std::to_string(to), folder / ("to" + std::to_string(to)));
  }
  const auto found = find_servables(folder_);
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.status().message(), "Model repository path leads to more than 100000 folders: " + folder_.string());
}

TEST_F(ConfigManagement, AMissingRepositoryIsNamed) {
  const auto found = find_servables("/no/such/repository");
  ASSERT_FALSE(found.ok());
  EXPECT_THAT(std::string(found.status().message()), HasSubstr("/no/such/repository"));
}

TEST_F(ConfigManagement, AddsAndUpdatesOneEntryAndKeepsTheRest) {
  touch("config.json",
        R"({"monitoring":{"metrics":{"enable":true}},"model_config_list":[{"config":{"name":"other","base_path":"/o"}},
                           {"config":{"name":"m","base_path":"/old","nireq":3}}]})");
  auto add = line(true);
  add.server.model.model_path = "/new";
  add.server.model.batch_size = "4";
  add.server.model.plugin_config = R"({"NUM_STREAMS":"2"})";
  const auto done = manage_config(add);
  ASSERT_TRUE(done.ok()) << done.status().to_string();
  EXPECT_EQ(nlohmann::json::parse(text("config.json")), nlohmann::json::parse(R"({
      "monitoring":{"metrics":{"enable":true}},
      "model_config_list":[{"config":{"name":"other","base_path":"/o"}},
                           {"config":{"name":"m","base_path":"/new","nireq":3,"batch_size":"4","plugin_config":{"NUM_STREAMS":"2"}}}]})"));
}

TEST_F(ConfigManagement, RemovingWhatIsNotThereSaysSo) {
  touch("config.json", R"({"model_config_list":[]})");
  const auto done = manage_config(line(false));
  ASSERT_FALSE(done.ok());
  EXPECT_THAT(std::string(done.status().message()), HasSubstr("m is not in the config file"));
}

TEST_F(ConfigManagement, ABrokenFileIsLeftAsItIs) {
  touch("config.json", "{ half");
  auto add = line(true);
  add.server.model.model_path = "/p";
  const auto done = manage_config(add);
  ASSERT_FALSE(done.ok());
  EXPECT_THAT(std::string(done.status().message()), HasSubstr("not valid JSON"));
  EXPECT_EQ(text("config.json"), "{ half");
}

TEST_F(ConfigManagement, AWrongValueIsRefusedBeforeItSpoilsTheFile) {
  touch("config.json", R"({"model_config_list":[]})");
  const auto refusal = [&](auto change) {
    auto add = line(true);
    add.server.model.model_path = "/p";
    change(add.server.model);
    const auto done = manage_config(add);
    EXPECT_FALSE(done.ok());
    EXPECT_EQ(text("config.json"), R"({"model_config_list":[]})");
    return std::string(done.status().message());
  };
  EXPECT_THAT(refusal([](auto& model) { model.batch_size = "x"; }), HasSubstr("batch_size"));
  EXPECT_THAT(refusal([](auto& model) { model.plugin_config = "{half"; }), HasSubstr("plugin_config"));
  EXPECT_THAT(refusal([](auto& model) { model.max_sequence_number = 3; }), HasSubstr("stateful"));
  EXPECT_THAT(refusal([](auto& model) { model.model_name = "\xff"; }), HasSubstr("UTF-8"));
}

TEST_F(ConfigManagement, EveryFlagOfAModelIsWritten) {
  auto add = line(true);
  add.server.model.model_path = "/p";
  add.server.model.stateful = true;
  add.server.model.max_sequence_number = 3;
  add.server.model.idle_sequence_cleanup = false;
  add.server.model.low_latency_transformation = true;
  add.server.idle_unload_seconds = 60;
  add.given = {"stateful", "idle_unload_seconds"};
  ASSERT_TRUE(manage_config(add).ok());
  EXPECT_EQ(nlohmann::json::parse(text("config.json"))["model_config_list"][0]["config"], nlohmann::json::parse(R"({
      "name":"m","base_path":"/p","idle_unload_seconds":60,"stateful":true,"max_sequence_number":3,
      "idle_sequence_cleanup":false,"low_latency_transformation":true})"));
}

TEST_F(ConfigManagement, APathFromHereIsFoundFromTheFile) {
  touch("models/m/1/m.onnx");
  touch("elsewhere/n/1/n.onnx");
  const auto before = fs::current_path();
  fs::current_path(folder_);
  const auto written = [&](const std::string& name, const std::string& path, const std::string& repository) {
    auto add = line(true);
    add.server.config_path = "models/config.json";
    add.server.model.model_name = name;
    add.server.model.model_path = path;
    add.model_repository_path = repository;
    EXPECT_TRUE(manage_config(add).ok());
    const auto list = nlohmann::json::parse(text("models/config.json"))["model_config_list"];
    return list.back()["config"]["base_path"].get<std::string>();
  };
  EXPECT_EQ(written("m", "", "models"), "m");
  EXPECT_EQ(written("x", "models/m", ""), "m");
  EXPECT_EQ(written("y", "m", ""), "m") << "there is no such folder here: it is meant from the file";
  EXPECT_EQ(written("n", "elsewhere/n", ""), fs::canonical("elsewhere/n").string());
  EXPECT_EQ(written("z", "/absolute/", ""), "/absolute/");
  fs::current_path(before);
}

TEST_F(ConfigManagement, OddEntriesOfOthersAreLeftAlone) {
  touch("config.json", R"({"model_config_list":[7,{"config":3},{"config":{"name":5}}]})");
  auto add = line(true);
  add.server.model.model_path = "/p";
  ASSERT_TRUE(manage_config(add).ok());
  EXPECT_EQ(nlohmann::json::parse(text("config.json"))["model_config_list"].size(), 4U);
}

TEST_F(ConfigManagement, ALinkStaysALink) {
  touch("real/config.json", R"({"model_config_list":[]})");
  fs::create_symlink("real/config.json", folder_ / "config.json");
  auto add = line(true);
  add.server.model.model_path = "/p";
  ASSERT_TRUE(manage_config(add).ok());
  EXPECT_TRUE(fs::is_symlink(folder_ / "config.json"));
  EXPECT_THAT(text("real/config.json"), HasSubstr("/p"));
}

TEST_F(ConfigManagement, TheFilesRightsStay) {
  touch("config.json", R"({"model_config_list":[]})");
  fs::permissions(folder_ / "config.json", fs::perms::owner_read | fs::perms::owner_write);
  auto add = line(true);
  add.server.model.model_path = "/p";
  ASSERT_TRUE(manage_config(add).ok());
  EXPECT_EQ(fs::status(folder_ / "config.json").permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(ConfigManagement, UpdatesAtOnceAreAllKept) {
  constexpr int kUpdates = 16;
  std::vector<std::future<bool>> updates;
  for (int i = 0; i < kUpdates; ++i) {
    auto add = line(true);
    add.server.model.model_name = "m" + std::to_string(i);
    add.server.model.model_path = "/p";
    updates.push_back(std::async(std::launch::async, [add] { return manage_config(add).ok(); }));
  }
  for (auto& update : updates) EXPECT_TRUE(update.get());
  EXPECT_EQ(nlohmann::json::parse(text("config.json"))["model_config_list"].size(), kUpdates);
}

TEST_F(ConfigManagement, AFileThatIsNestedWithoutEndIsRefused) {
  touch("config.json", R"({"model_config_list":[],"x":)" + std::string(300'000, '[') + std::string(300'000, ']') + "}");
  auto add = line(true);
  add.server.model.model_path = "/p";
  EXPECT_THAT(std::string(manage_config(add).status().message()), HasSubstr("nested more than 32 deep"));
}

TEST_F(ConfigManagement, NothingIsLeftBesideTheFile) {
  auto add = line(true);
  add.server.model.model_path = "/p";
  ASSERT_TRUE(manage_config(add).ok());
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

}  // namespace
}  // namespace ocelli::cli
