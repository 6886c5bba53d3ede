#include "repository/config_file.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <chrono>
#include <map>
#include <thread>
#include <utility>

#include "repository/model_document.hpp"

namespace ocelli::repository {
namespace {

using Json = nlohmann::json;

constexpr int kReadAttempts = 4;
constexpr std::chrono::milliseconds kReadPause{100};

MonitoringConfig read_monitoring(const Json& value, JsonProblem& problem) {
  MonitoringConfig monitoring;
  JsonObject object(value, "monitoring", problem);
  object.require("metrics");
  if (const Json* metrics = object.take("metrics")) {
    JsonObject members(*metrics, "monitoring.metrics", problem);
    members.require("enable");
    monitoring.metrics_enabled = members.boolean("enable").value_or(false);
    if (metrics->is_object() && metrics->contains("metrics_list"))
      monitoring.metrics_list = members.text_list("metrics_list");
    monitoring.endpoint_path = members.text("endpoint_path").value_or(monitoring.endpoint_path);
    members.finish();
  }
  object.finish();
  return monitoring;
}

// Reads the sections of the document one by one.
class DocumentReader {
 public:
  // name: of the file, for the error.
  DocumentReader(const Json& document, const std::filesystem::path& base_folder, std::string name)
      : object_(document, "", problem_), base_folder_(base_folder), name_(std::move(name)) {}

  Result<ConfigFile> read() {
    object_.require("model_config_list");
    object_.each("model_config_list",
                 [this](const Json& element, const std::string& path) { read_model(element, path); });
    object_.each("pipeline_config_list",
                 [this](const Json& element, const std::string& path) { read_pipeline(element, path); });
    object_.each("custom_loader_config_list",
                 [this](const Json& element, const std::string& path) { read_custom_loader(element, path); });
    object_.each("custom_node_library_config_list",
                 [this](const Json& element, const std::string& path) { read_node_library(element, path); });
    object_.each("mediapipe_config_list",
                 [this](const Json& element, const std::string& path) { read_graph(element, path); });
    if (const Json* monitoring = object_.take("monitoring")) file_.monitoring = read_monitoring(*monitoring, problem_);
    object_.finish();
    if (Status status = problem_.status(name_); !status.ok()) return status;
    return std::move(file_);
  }

 private:
  void read_model(const Json& element, const std::string& path) {
    JsonObject object(element, path, problem_);
    object.require("config");
    if (const Json* config = object.take("config")) {
      ModelEntry entry = read_model_document(*config, object.path_of("config"), base_folder_, problem_);
      claim_name(entry.config.name, path, entry.status);
      file_.models.push_back(std::move(entry));
    }
    object.finish();
  }

  void read_pipeline(const Json& element, const std::string& path) {
    PipelineEntry entry = read_pipeline_document(element, path, problem_);
    claim_name(entry.definition.name, path, entry.status);
    file_.pipelines.push_back(std::move(entry));
  }

  void read_custom_loader(const Json& element, const std::string& path) {
    JsonObject object(element, path, problem_);
    object.require("config");
    if (const Json* config = object.take("config")) {
      JsonObject members(*config, object.path_of("config"), problem_);
      file_.unsupported.push_back({"custom loader", members.required_text("loader_name")});
      (void)members.required_text("library_path");
      (void)members.text("loader_config_file");
      members.finish();
    }
    object.finish();
  }

  void read_node_library(const Json& element, const std::string& path) {
    JsonObject object(element, path, problem_);
    file_.unsupported.push_back({"custom node library", object.required_text("name")});
    (void)object.required_text("base_path");
    object.finish();
  }

  void read_graph(const Json& element, const std::string& path) {
    JsonObject object(element, path, problem_);
    file_.unsupported.push_back({"MediaPipe graph", object.required_text("name")});
    for (const char* key : {"base_path", "graph_path", "subconfig"}) (void)object.text(key);
    object.finish();
  }

  void claim_name(const std::string& name, const std::string& path, Status& status) {
    const auto [owner, first] = names_.emplace(name, path);
    if (!first)
      status = {StatusCode::kAlreadyExists,
                fmt::format("{}: the name \"{}\" is already taken by {}", path, name, owner->second)};
  }

  JsonProblem problem_;
  JsonObject object_;
  const std::filesystem::path& base_folder_;
  const std::string name_;
  ConfigFile file_;
  std::map<std::string, std::string> names_;  // name -> path of its first owner
};

std::string md5(std::string_view text) {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), bytes, &size, EVP_md5(), nullptr) != 1)
    return std::string(text);  // no MD5 here: compare whole texts
  std::string digits;
  for (unsigned int i = 0; i < size; ++i) digits += fmt::format("{:02x}", bytes[i]);
  return digits;
}

Status cannot_open(const std::filesystem::path& path) {
  return internal_error(fmt::format("Config file not found or cannot open. {}", path.string()));
}

}  // namespace

Result<ConfigFile> parse_config(std::string_view text, const std::filesystem::path& base_folder) {
  auto document = parse_json(text, "config.json");
  if (!document.ok()) return document.status();
  return DocumentReader(*document, base_folder, "config.json").read();
}

Result<ConfigFile> read_config(const std::filesystem::path& path, std::string* digest,
                               const std::function<void()>& pause) {
  Status failure;
  for (int attempt = 0; attempt < kReadAttempts; ++attempt) {
    if (attempt > 0) pause ? pause() : std::this_thread::sleep_for(kReadPause);
    const auto text = read_document(path);
    if (!text) {
      failure = cannot_open(path);
      continue;
    }
    if (digest) *digest = md5(*text);
    // Only text that is not JSON may be a file in the middle of being written; what does not fit the schema stays
    // wrong.
    const auto document = parse_json(*text, path.string());
    if (!document.ok()) {
      failure = document.status();
      continue;
    }
    return DocumentReader(*document, std::filesystem::absolute(path).parent_path(), path.string()).read();
  }
  return failure;
}

Result<std::string> config_digest(const std::filesystem::path& path) {
  const auto text = read_document(path);
  if (!text) return cannot_open(path);
  return md5(*text);
}

}  // namespace ocelli::repository
