#include "repository/name_mapping.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <set>

#include "repository/config_check.hpp"
#include "repository/strict_json.hpp"

namespace ocelli::repository {
namespace {

void check_unique(const std::map<std::string, std::string>& names, const char* key, JsonProblem& problem) {
  std::set<std::string_view> aliases;
  for (const auto& [tensor, alias] : names) {
    if (alias.empty()) problem.set(fmt::format("{}.{}", key, tensor), "an alias cannot be empty");
    if (!aliases.insert(alias).second)
      problem.set(fmt::format("{}.{}", key, tensor), fmt::format("the alias \"{}\" is given twice", alias));
  }
}

// Of a model's inputs or outputs: what they are, and their aliases by the model's own names.
struct Names {
  const char* what;
  const std::map<std::string, std::string>& aliases;
};

// The model's own name for what clients call so.
Result<std::string> own_name(const std::string& name, std::initializer_list<Names> tables, std::string_view parameter) {
  for (const auto& table : tables) {
    const auto own = std::ranges::find(table.aliases, name, [](const auto& pair) { return pair.second; });
    if (own != table.aliases.end()) return own->first;
  }
  for (const auto& table : tables) {
    if (const auto hidden = table.aliases.find(name); hidden != table.aliases.end()) {
      return invalid_argument(fmt::format("{} names {} {}, which mapping_config.json calls {}", parameter, table.what,
                                          name, hidden->second));
    }
  }
  return name;
}

template <typename T>
Result<std::map<std::string, T>> by_tensor(const std::map<std::string, T>& by_client_name,
                                           std::initializer_list<Names> tables, std::string_view parameter) {
  std::map<std::string, T> result;
  for (const auto& [name, value] : by_client_name) {
    auto own = own_name(name, tables, parameter);
    if (!own.ok()) return std::move(own).status();
    result[std::move(own).value()] = value;
  }
  return result;
}

}  // namespace

Result<NameMapping> read_name_mapping(const std::filesystem::path& version_folder) {
  NameMapping mapping;
  const auto path = version_folder / "mapping_config.json";
  std::error_code error;
  if (std::filesystem::symlink_status(path, error).type() == std::filesystem::file_type::not_found) return mapping;
  if (!std::filesystem::is_regular_file(path, error))
    return failed_precondition(fmt::format("{} is not a file that can be read{}{}", path.string(), error ? ": " : "",
                                           error ? error.message() : ""));
  const auto text = read_document(path);
  if (!text) return internal_error(fmt::format("{} cannot be read", path.string()));
  auto document = parse_json(*text, path.string());
  if (!document.ok()) return document.status();
  JsonProblem problem;
  check_config(*document, "", mapping_document(), problem);
  if (Status status = problem.status(path.string()); !status.ok()) return status;
  const JsonObject object(*document, "", problem);
  mapping.inputs = object.texts("inputs");
  mapping.outputs = object.texts("outputs");
  check_unique(mapping.inputs, "inputs", problem);
  check_unique(mapping.outputs, "outputs", problem);
  if (Status status = problem.status(path.string()); !status.ok()) return status;
  return mapping;
}

Result<std::map<std::string, ShapeParameter>> shapes_by_tensor(const ModelConfig& config, const NameMapping& mapping) {
  return by_tensor(config.shapes, {{"input", mapping.inputs}}, "shape");
}

Result<std::map<std::string, std::string>> layouts_by_tensor(const ModelConfig& config, const NameMapping& mapping) {
  return by_tensor(config.preprocess.layout, {{"input", mapping.inputs}, {"output", mapping.outputs}}, "layout");
}

}  // namespace ocelli::repository
