#include "repository/config_file.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <chrono>
#include <map>
#include <thread>
#include <utility>

#include "repository/config_check.hpp"
#include "repository/model_document.hpp"

namespace ocelli::repository {
namespace {

using Json = nlohmann::json;

constexpr int kReadAttempts = 4;
constexpr std::chrono::milliseconds kReadPause{100};

MonitoringConfig read_monitoring(const Json& value, JsonProblem& problem) {
  MonitoringConfig monitoring;
  const JsonObject metrics(value.at("metrics"), "monitoring.metrics", problem);
  monitoring.metrics_enabled = *metrics.boolean("enable");
  if (metrics.find("metrics_list")) monitoring.metrics_list = metrics.text_list("metrics_list");
  monitoring.endpoint_path = metrics.text("endpoint_path").value_or(monitoring.endpoint_path);
  return monitoring;
}

// Reads the sections of the document one by one.
class DocumentReader {
 public:
  // name: of the file, for the error.
  DocumentReader(const Json& document, const std::filesystem::path& base_folder, std::string name)
      : document_(document), base_folder_(base_folder), name_(std::move(name)) {}

  Result<ConfigFile> read() {
    check_config(document_, "", config_document(), problem_);
    if (Status status = problem_.status(name_); !status.ok()) return status;
    const JsonObject object(document_, "", problem_);
    object.each("model_config_list",
                [this](const Json& element, const std::string& path) { read_model(element, path); });
    object.each("pipeline_config_list",
                [this](const Json& element, const std::string& path) { read_pipeline(element, path); });
    read_unsupported(object);
    if (const Json* monitoring = object.find("monitoring")) file_.monitoring = read_monitoring(*monitoring, problem_);
    if (Status status = problem_.status(name_); !status.ok()) return status;
    return std::move(file_);
  }

 private:
  void read_model(const Json& element, const std::string& path) {
    ModelEntry entry = read_model_document(element.at("config"), path + ".config", base_folder_, problem_);
    claim_name(entry.config.name, path, entry.status);
    file_.models.push_back(std::move(entry));
  }

  void read_pipeline(const Json& element, const std::string& path) {
    PipelineEntry entry = read_pipeline_document(element, path, problem_);
    claim_name(entry.definition.name, path, entry.status);
    file_.pipelines.push_back(std::move(entry));
  }

  void read_unsupported(const JsonObject& object) {
    const auto add = [this](const char* kind, const Json& name) {
      file_.unsupported.push_back({kind, name.get<std::string>()});
    };
    object.each("custom_loader_config_list", [&](const Json& element, const std::string&) {
      add("custom loader", element.at("config").at("loader_name"));
    });
    object.each("custom_node_library_config_list",
                [&](const Json& element, const std::string&) { add("custom node library", element.at("name")); });
    object.each("mediapipe_config_list",
                [&](const Json& element, const std::string&) { add("MediaPipe graph", element.at("name")); });
  }

  void claim_name(const std::string& name, const std::string& path, Status& status) {
    const auto [owner, first] = names_.emplace(name, path);
    if (!first)
      status = {StatusCode::kAlreadyExists,
                fmt::format("{}: the name \"{}\" is already taken by {}", path, name, owner->second)};
  }

  const Json& document_;
  JsonProblem problem_;
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
