// ConfigFile: what config.json says.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"
#include "repository/model_config.hpp"
#include "serving/pipeline_definition.hpp"

namespace ocelli::repository {

class SentFolder;

// Names of the file that are refused only when they are used, each with what it is: "custom loader", "custom node
// library", "MediaPipe graph".
struct UnsupportedEntry {
  std::string kind;
  std::string name;
};

// The "monitoring" section.
struct MonitoringConfig {
  bool metrics_enabled = false;
  // Absent: the default families.
  std::optional<std::vector<std::string>> metrics_list;
  // Accepted without effect: the page is at kMetricsPath.
  static constexpr std::string_view kMetricsPath = "/metrics";
  std::string endpoint_path{kMetricsPath};
};

// One entry of model_config_list: its configuration, or why it cannot be used. A bad value breaks its own entry only.
struct ModelEntry {
  ModelConfig config;  // name and base_path are set even when status is an error
  Status status;
  // Where the files are that came with a load request; base_path then is its path. Null: the files are the user's.
  std::shared_ptr<const SentFolder> sent{};
};

// One entry of pipeline_config_list, or why it cannot be used.
struct PipelineEntry {
  serving::PipelineDefinition definition;
  Status status;
};

struct ConfigFile {
  std::vector<ModelEntry> models;  // in the file's order
  std::vector<PipelineEntry> pipelines;
  std::vector<UnsupportedEntry> unsupported;
  std::optional<MonitoringConfig> monitoring;
};

// Parses the text of a config.json. A name that occurs a second time is an error of that entry. base_folder is what
// relative base_path values are relative to. An unknown key, a wrong JSON type or a missing required key anywhere makes
// the whole text invalid: kFailedPrecondition, with the key's path ("model_config_list[1].config.nam"), what was
// expected and what was found. At most 16 MiB of text, nested at most 32 deep.
Result<ConfigFile> parse_config(std::string_view text, const std::filesystem::path& base_folder);

// A configuration that a load request changed.
struct OverriddenModel {
  ModelConfig config;
  std::vector<std::string> ignored;  // keys of Triton's that have no meaning here, by path
};

// The configuration after an override, a JSON object with keys of a model entry's "config", of Triton's ModelConfig, or
// of both. kInvalidArgument for anything else, for one setting under both names, and for another model's name.
Result<OverriddenModel> override_model(const ModelConfig& config, std::string_view json);

// Reads and parses the file; three more attempts when it cannot be read or is not JSON, because it may be half written.
// pause waits between two attempts; empty: 100 ms. Errors: kInternal "Config file not found or cannot open. ..." or as
// parse_config(). digest, when not null, receives the MD5 of the text that was read.
Result<ConfigFile> read_config(const std::filesystem::path& path, std::string* digest = nullptr,
                               const std::function<void()>& pause = {});

// MD5 of the file as 32 hexadecimal digits; kInternal when it cannot be read.
Result<std::string> config_digest(const std::filesystem::path& path);

}  // namespace ocelli::repository
