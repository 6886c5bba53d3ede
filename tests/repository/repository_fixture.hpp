// RepositoryTest: a repository over a temporary folder and a fake factory.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "repository/fake_factory.hpp"
#include "repository/model_repository.hpp"
#include "repository/temporary_folder.hpp"
#include "serving/repository_index.hpp"

namespace ocelli::test {

class RepositoryTest : public ::testing::Test {
 protected:
  RepositoryTest() {
    options_.poll_interval = std::chrono::milliseconds(0);
    options_.load_threads = 2;
  }
  ~RepositoryTest() override {
    factory_->release();
    repository_.reset();
    EXPECT_EQ(factory_->alive, 0) << "every model is destroyed in the end";
  }

  repository::ModelConfig model(const std::string& name) {
    repository::ModelConfig config;
    config.name = name;
    config.base_path = (folder_.path() / name).string();
    return config;
  }
  void make() { repository_ = std::make_unique<repository::ModelRepository>(options_, factory_, Log(lines_, "test")); }
  Status start() {
    make();
    return repository_->start();
  }
  // As a request would; files are path and content.
  Status load(const std::string& name, const std::string& config,
              const std::vector<std::pair<std::string, std::string>>& files = {}) {
    serving::SentModel sent{config, {}};
    for (const auto& file : files) {
      sent.files.push_back({file.first, [text = file.second](const serving::SentFile::Take& take) {
                              return take(std::as_bytes(std::span(text)));
                            }});
    }
    return repository_->load(name, sent);
  }
  // Writes config.json with these members of model_config_list[].config, and more sections, and uses it.
  void configure(const std::vector<std::string>& models, const std::string& more = "") {
    std::string list;
    for (const auto& one : models) list += (list.empty() ? "" : ",") + ("{\"config\":{" + one + "}}");
    folder_.write("config.json", R"({"model_config_list":[)" + list + "]" + more + "}");
    options_.config_path = (folder_.path() / "config.json").string();
  }
  static std::string entry(const std::string& name, const std::string& more = "") {
    return R"("name":")" + name + R"(","base_path":")" + name + "\"" + more;
  }

  // More for configure(): one pipeline of one model.
  static std::string pipeline_section(const std::string& name, const std::string& model) {
    return R"(,"pipeline_config_list":[{"name":")" + name + R"(","inputs":["x"],"nodes":[{"name":"n","type":"DL model",
        "model_name":")" +
           model + R"(","inputs":[{"x":{"node_name":"request","data_item":"x"}}],
        "outputs":[{"data_item":"y","alias":"y"}]}],"outputs":[{"y":{"node_name":"n","data_item":"y"}}]}])";
  }

  // "1:AVAILABLE 2:LOADING!" with ! for an error.
  std::string states(const std::string& name) {
    const auto status = repository_->status(name, std::nullopt);
    if (!status.ok()) return std::string(status.status().message());
    std::string text;
    for (const auto& version : status->versions) {
      if (!text.empty()) text += ' ';
      text += std::to_string(version.version) + ':' + std::string(serving::version_state_name(version.state));
      if (version.error != StatusCode::kOk) text += '!';
    }
    return text;
  }
  // What the file of the version that answers holds, or the error.
  std::string served(const std::string& name, std::optional<repository::Version> version = std::nullopt) {
    const auto handle = repository_->find(name, version);
    return handle.ok() ? (*handle)->metadata().platform : std::string(handle.status().message());
  }
  // The repository's index, "NAME VERSION STATE REASON" each.
  std::vector<std::string> index() {
    std::vector<std::string> rows;
    const auto statuses = repository_->all_statuses();
    for (const auto& row : serving::repository_index(statuses, false))
      rows.push_back(fmt::format("{} {} {} {}", row.name, row.version, row.state, row.reason));
    return rows;
  }
  std::string reload() {
    const auto outcome = repository_->reload();
    if (!outcome.ok()) return outcome.status().to_string();
    return *outcome == serving::ReloadOutcome::kReloaded ? "reloaded" : "unchanged";
  }

  TemporaryFolder folder_;
  repository::RepositoryOptions options_;
  std::shared_ptr<FakeFactory> factory_ = std::make_shared<FakeFactory>();
  std::shared_ptr<LineSink> lines_ = std::make_shared<LineSink>();
  std::unique_ptr<repository::ModelRepository> repository_;
};

}  // namespace ocelli::test
