#include <fmt/format.h>

#include "repository/model_document.hpp"
#include "repository/model_parameters.hpp"

namespace ocelli::repository {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMaxDemultiply = 10'000;

std::optional<std::int32_t> read_demultiply_count(JsonObject& object) {
  const auto count = object.integer("demultiply_count", -1, kMaxDemultiply);
  if (!count) return std::nullopt;
  // 0 is the older spelling of "any number".
  return *count == 0 ? -1 : static_cast<std::int32_t>(*count);
}

// [{"KEY": {"node_name": N, "data_item": D}}, ...]
std::map<std::string, serving::PipelineSource> read_connections(JsonObject& object, const std::string& key) {
  std::map<std::string, serving::PipelineSource> connections;
  object.require(key);
  object.each(key, [&](const Json& element, const std::string& path) {
    if (!element.is_object()) return object.problem().expected(path, "an object with one name", element);
    for (const auto& [name, end] : element.items()) {
      JsonObject members(end, fmt::format("{}.{}", path, name), object.problem());
      serving::PipelineSource connection{members.required_text("node_name"), members.required_text("data_item")};
      members.finish();
      if (!connections.emplace(name, std::move(connection)).second)
        object.problem().set(path, fmt::format("the name \"{}\" occurs twice", name));
    }
  });
  return connections;
}

// [{"data_item": D, "alias": A}, ...]
std::map<std::string, std::string> read_node_outputs(JsonObject& object) {
  std::map<std::string, std::string> outputs;
  object.require("outputs");
  object.each("outputs", [&](const Json& element, const std::string& path) {
    JsonObject members(element, path, object.problem());
    const std::string item = members.required_text("data_item");
    const std::string alias = members.required_text("alias");
    members.finish();
    if (!outputs.emplace(alias, item).second)
      object.problem().set(path, fmt::format("the alias \"{}\" occurs twice", alias));
  });
  return outputs;
}

std::optional<Version> read_version(JsonObject& object) {
  const auto version = object.integer("version", 0);
  return version && *version > 0 ? version : std::nullopt;
}

// One node; a mistake in its values is returned.
Status read_node(const Json& element, const std::string& path, JsonProblem& problem, serving::PipelineNode& node) {
  JsonObject object(element, path, problem);
  node.name = object.required_text("name");
  const std::string type = object.required_text("type");
  node.custom = type == "custom";
  node.model = object.text("model_name").value_or("");
  node.version = read_version(object);
  const std::string library = object.text("library_name").value_or("");
  (void)object.texts("params");
  node.inputs = read_connections(object, "inputs");
  node.outputs = read_node_outputs(object);
  node.demultiply_count = read_demultiply_count(object);
  node.gather_from = object.text("gather_from_node").value_or("");
  object.finish();
  if (!node.custom && type != "DL model")
    return invalid_argument(
        fmt::format("node {}: type \"DL model\" or \"custom\" expected, not \"{}\"", node.name, type));
  if (!node.custom && node.model.empty())
    return invalid_argument(fmt::format("node {}: model_name is missing", node.name));
  if (node.custom) {
    return unimplemented(fmt::format("node {}: custom nodes (library \"{}\") are not supported", node.name, library));
  }
  return {};
}

}  // namespace

PipelineEntry read_pipeline_document(const Json& value, const std::string& path, JsonProblem& problem) {
  PipelineEntry entry;
  JsonObject object(value, path, problem);
  entry.definition.name = object.required_text("name");
  entry.status = check_name(entry.definition.name);
  object.require("inputs");
  entry.definition.inputs = object.text_list("inputs");
  object.require("nodes");
  object.each("nodes", [&](const Json& element, const std::string& node_path) {
    Status status = read_node(element, node_path, problem, entry.definition.nodes.emplace_back());
    if (entry.status.ok()) entry.status = std::move(status);
  });
  entry.definition.outputs = read_connections(object, "outputs");
  entry.definition.demultiply_count = read_demultiply_count(object);
  object.finish();
  return entry;
}

}  // namespace ocelli::repository
