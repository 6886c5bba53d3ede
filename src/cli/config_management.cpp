#include "cli/config_management.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/folder_entries.hpp"
#include "repository/model_config.hpp"
#include "repository/model_folder.hpp"

namespace ocelli::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxDepth = 16;  // a repository is not deeper
constexpr const char* kModelList = "model_config_list";

bool is_servable(const fs::path& folder) {
  std::error_code error;
  if (fs::exists(folder / "graph.pbtxt", error)) return true;
  for (const auto& entry : folder_entries(folder)) {
    const bool is_version = repository::version_of_folder(entry.path().filename().string()).has_value();
    if (is_version && entry.is_directory(error) && repository::find_model_file(entry.path()).ok()) return true;
  }
  return false;
}

// above: the real folders that lead here, so that a link to one of them is not followed in a circle.
void collect(const fs::path& root, const fs::path& folder, std::vector<fs::path>& above,
             std::vector<std::string>& found) {
  std::error_code error;
  const auto real = fs::canonical(folder, error);
  if (error || above.size() > kMaxDepth || std::ranges::find(above, real) != above.end()) return;
  above.push_back(real);
  for (const auto& entry : folder_entries(folder)) {
    if (!entry.is_directory(error)) continue;
    if (is_servable(entry.path())) {
      found.push_back(entry.path().lexically_relative(root).generic_string());
    } else {
      collect(root, entry.path(), above, found);
    }
  }
  above.pop_back();
}

fs::path config_file(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error) ? fs::path(path) / "config.json" : fs::path(path);
}

Status broken(const fs::path& path, std::string_view why) {
  return failed_precondition(fmt::format("Config file cannot be updated: {}: {}", path.string(), why));
}

// The file's content, or an empty configuration when there is no such file.
Result<Json> read_or_empty(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return Json{{kModelList, Json::array()}};
  std::ifstream file(path, std::ios::binary);
  if (!file) return broken(path, "it cannot be read");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  auto json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return broken(path, "it is not valid JSON");
  if (!json.is_object()) return broken(path, "it is not a JSON object");
  if (!json.contains(kModelList)) json[kModelList] = Json::array();
  if (!json[kModelList].is_array()) return broken(path, "model_config_list is not an array");
  return json;
}

// Writes beside the file, flushes to disk and renames over it. A link stays one: the file that it leads to is replaced.
Status replace_file(const fs::path& given, const std::string& text) {
  std::error_code error;
  const auto target = fs::is_symlink(given, error) ? fs::weakly_canonical(given, error) : given;
  const auto& path = error ? given : target;
  const auto temporary = path.string() + ".new";
  const auto fail = [&](const char* what) {
    const auto why = fmt::format("{}: {}", what, std::strerror(errno));
    ::unlink(temporary.c_str());
    return broken(path, why);
  };
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return fail("a file beside it cannot be created");
  std::string_view left = text;
  ssize_t count = 0;
  // A short write is followed by one that says why.
  while (!left.empty() && (count = ::write(file, left.data(), left.size())) > 0)
    left.remove_prefix(static_cast<std::size_t>(count));
  Status status = left.empty() && ::fsync(file) == 0 ? Status() : fail("writing failed");
  ::close(file);
  if (!status.ok()) return status;
  if (::rename(temporary.c_str(), path.c_str()) != 0) return fail("it cannot be replaced");
  return {};
}

Json::iterator entry_of(Json& list, const std::string& name) {
  return std::find_if(list.begin(), list.end(), [&](const Json& entry) {
    return entry.is_object() && entry.contains("config") && entry["config"].is_object() &&
           entry["config"].contains("name") && entry["config"]["name"] == name;
  });
}

// What base_path is to say. In the file a relative path is relative to the file; on the command line it is meant from
// where one stands, unless that leads nowhere.
std::string base_path(const CommandLine& line, const fs::path& config) {
  const auto& model = line.server.model;
  const bool in_repository = model.model_path.empty();
  const auto path =
      in_repository ? fs::path(line.model_repository_path) / model.model_name : fs::path(model.model_path);
  std::error_code error;
  if (path.is_absolute() || path.string().find("://") != std::string::npos) return path.string();
  if (!in_repository && !fs::exists(path, error)) return path.string();
  const auto whole = fs::weakly_canonical(path, error);
  if (error) return path.string();
  const auto folder = fs::weakly_canonical(fs::absolute(config, error).parent_path(), error);
  const auto relative = whole.lexically_relative(folder);
  return relative.empty() || *relative.begin() == ".." ? whole.string() : relative.string();
}

// The entry's keys for the flags that were given.
Json model_entry(const CommandLine& line, const fs::path& file) {
  const auto& model = line.server.model;
  Json config{{"name", model.model_name}, {"base_path", base_path(line, file)}};
  const auto put = [&](const char* key, const std::string& value) {
    if (!value.empty()) config[key] = value;
  };
  // JSON on the command line becomes JSON in the file.
  const auto put_json = [&](const char* key, const std::string& value) {
    if (value.empty()) return;
    auto json = Json::parse(value, nullptr, false);
    config[key] = json.is_object() ? std::move(json) : Json(value);
  };
  put("target_device", model.target_device);
  put("batch_size", model.batch_size);
  put_json("shape", model.shape);
  put_json("layout", model.layout);
  put("mean", model.mean);
  put("scale", model.scale);
  put("color_format", model.color_format);
  put("precision", model.precision);
  put_json("model_version_policy", model.model_version_policy);
  if (model.nireq) config["nireq"] = *model.nireq;
  put_json("plugin_config", model.plugin_config);
  if (line.has("idle_unload_seconds")) config["idle_unload_seconds"] = line.server.idle_unload_seconds;
  if (line.has("stateful")) config["stateful"] = model.stateful;
  if (model.idle_sequence_cleanup) config["idle_sequence_cleanup"] = *model.idle_sequence_cleanup;
  if (model.low_latency_transformation) config["low_latency_transformation"] = *model.low_latency_transformation;
  if (model.max_sequence_number) config["max_sequence_number"] = *model.max_sequence_number;
  return config;
}

// Whether the flags mean a model. A wrong value would spoil its entry, some the whole file for every server that
// watches it.
Status check_flags(const CommandLine& line) {
  auto model = line.server.model;
  if (model.model_path.empty()) model.model_path = line.model_repository_path;
  return repository::model_config_from_flags(model).status();
}

Result<std::string> list_models(const CommandLine& line) {
  auto servables = find_servables(line.model_repository_path);
  if (!servables.ok()) return servables.status();
  auto text = fmt::format("Listing models in repository...\nModel repository path: {}\n", line.model_repository_path);
  for (const auto& name : *servables) text += name + "\n";
  return text;
}

}  // namespace

Result<std::vector<std::string>> find_servables(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error))
    return not_found(fmt::format("Model repository path is not a folder: {}", folder.string()));
  std::vector<std::string> found;
  std::vector<fs::path> above;
  collect(folder, folder, above, found);
  std::sort(found.begin(), found.end());
  return found;
}

Result<std::string> manage_config(const CommandLine& line) {
  if (line.list_models) return list_models(line);
  const auto path = config_file(line.server.config_path);
  auto config = read_or_empty(path);
  if (!config.ok()) return config.status();
  auto& list = (*config)[kModelList];
  const auto existing = entry_of(list, line.server.model.model_name);
  if (line.remove_from_config) {
    if (existing == list.end()) {
      return not_found(fmt::format("Model with name: {} is not in the config file: {}", line.server.model.model_name,
                                   path.string()));
    }
    list.erase(existing);
  } else if (auto status = check_flags(line); !status.ok()) {
    return status;
  } else if (auto entry = model_entry(line, path); existing == list.end()) {
    list.push_back({{"config", std::move(entry)}});
  } else {
    (*existing)["config"].update(entry);
  }
  std::string text;
  try {
    text = config->dump(4) + "\n";
  } catch (const Json::exception&) {
    return invalid_argument("name, paths and values must be UTF-8 to stand in a config file");
  }
  if (auto status = replace_file(path, text); !status.ok()) return status;
  return fmt::format("Config updated: {}\n", path.string());
}

}  // namespace ocelli::cli
