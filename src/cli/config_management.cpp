#include "cli/config_management.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/folder_entries.hpp"
#include "cli/file_update.hpp"
#include "cli/option_table.hpp"
#include "repository/config_key.hpp"
#include "repository/model_config.hpp"
#include "repository/model_folder.hpp"
#include "repository/strict_json.hpp"

namespace ocelli::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxDepth = 16;  // a repository is not deeper
// Nor larger. A link may lead to all of a machine's files, and links to each other multiply what there is to see.
constexpr std::size_t kMaxFolders = 100'000;
// Keys of config.json that are looked for by name.
constexpr const char* kModelList = "model_config_list";
constexpr const char* kModel = "config";
constexpr const char* kName = "name";
constexpr const char* kBasePath = "base_path";

bool is_servable(const fs::path& folder) {
  std::error_code error;
  if (fs::exists(folder / "graph.pbtxt", error)) return true;
  for (const auto& entry : folder_entries(folder)) {
    const bool is_version = repository::version_of_folder(entry.path().filename().string()).has_value();
    if (is_version && entry.is_directory(error) && repository::find_model_file(entry.path()).ok()) return true;
  }
  return false;
}

// Looks for servables below a folder.
class ServableSearch {
 public:
  explicit ServableSearch(fs::path root) : root_(std::move(root)) {}

  // False when there are more folders than a repository has.
  bool collect(const fs::path& folder) {
    std::error_code error;
    const auto real = fs::canonical(folder, error);
    // A link to a folder above is not followed in a circle.
    if (error || above_.size() > kMaxDepth || std::ranges::find(above_, real) != above_.end()) return true;
    above_.push_back(real);
    for (const auto& entry : folder_entries(folder)) {
      if (!entry.is_directory(error)) continue;
      if (++folders_ > kMaxFolders) return false;
      if (is_servable(entry.path())) {
        found_.push_back(entry.path().lexically_relative(root_).generic_string());
      } else if (!collect(entry.path())) {
        return false;
      }
    }
    above_.pop_back();
    return true;
  }

  std::vector<std::string> take() && {
    std::ranges::sort(found_);
    return std::move(found_);
  }

 private:
  fs::path root_;
  std::vector<fs::path> above_;  // the real folders that lead to the present one
  std::vector<std::string> found_;
  std::size_t folders_ = 0;
};

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
  const auto text = repository::read_document(path);
  if (!text) return broken(path, "it cannot be read");
  // As the server reads it, which keeps no order.
  if (const auto read = repository::parse_json(*text, path.filename().string()); !read.ok())
    return broken(path, read.status().message());
  auto json = Json::parse(*text, nullptr, false);
  if (!json.is_object()) return broken(path, "it is not a JSON object");
  if (!json.contains(kModelList)) json[kModelList] = Json::array();
  if (!json[kModelList].is_array()) return broken(path, fmt::format("{} is not an array", kModelList));
  return json;
}

Json::iterator entry_of(Json& list, const std::string& name) {
  return std::find_if(list.begin(), list.end(), [&](const Json& entry) {
    return entry.is_object() && entry.contains(kModel) && entry[kModel].is_object() && entry[kModel].contains(kName) &&
           entry[kModel][kName] == name;
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

// The value of an option for the file; null where the option was not given. JSON on the command line becomes JSON in
// the file.
struct FileValue {
  bool given;         // the option was typed
  bool takes_object;  // the key does
  Json operator()(const std::string* text) const {
    if (text->empty()) return nullptr;
    auto json = takes_object ? Json::parse(*text, nullptr, false) : Json();
    return json.is_object() ? json : Json(*text);
  }
  template <typename Value>
  Json operator()(const std::optional<Value>* value) const {
    return *value ? Json(**value) : Json();
  }
  template <typename Value>
  Json operator()(const Value* value) const {
    return given ? Json(*value) : Json();
  }
};

bool takes_object(const repository::ConfigKey& key) {
  using repository::ConfigType;
  return key.type == ConfigType::kTextOrTexts || key.type == ConfigType::kScalars || key.type == ConfigType::kObject;
}

// The entry's keys for the flags that were given.
Json model_entry(const CommandLine& line, const fs::path& file) {
  CommandLine fields = line;  // rows lead to fields that may be written
  Json config{{kName, line.server.model.model_name}, {kBasePath, base_path(line, file)}};
  for (const auto& option : option_table()) {
    const auto* key = repository::find_key(repository::config_model(), option.config_key);
    if (!key || config.contains(key->name)) continue;
    auto value = std::visit(FileValue{line.has(option.name), takes_object(*key)}, option.field(fields));
    if (!value.is_null()) config[std::string(key->name)] = std::move(value);
  }
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
  ServableSearch search(folder);
  if (!search.collect(folder)) {
    return failed_precondition(
        fmt::format("Model repository path leads to more than {} folders: {}", kMaxFolders, folder.string()));
  }
  return std::move(search).take();
}

Result<std::string> manage_config(const CommandLine& line) {
  if (line.list_models) return list_models(line);
  const auto path = config_file(line.server.config_path);
  const auto update = FileUpdate::begin(path);
  if (!update.ok()) return broken(path, update.status().message());
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
    list.push_back({{kModel, std::move(entry)}});
  } else {
    (*existing)[kModel].update(entry);
  }
  std::string text;
  try {
    text = config->dump(4) + "\n";
  } catch (const Json::exception&) {
    return invalid_argument("name, paths and values must be UTF-8 to stand in a config file");
  }
  if (auto status = (*update)->replace(text); !status.ok()) return broken(path, status.message());
  return fmt::format("Config updated: {}\n", path.string());
}

}  // namespace ocelli::cli
