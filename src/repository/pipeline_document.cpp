#include <fmt/format.h>

#include "repository/model_document.hpp"
#include "repository/model_parameters.hpp"

namespace ocelli::repository {
namespace {

using Json = nlohmann::json;

std::optional<std::int32_t> read_demultiply_count(const JsonObject& object) {
  const auto count = object.integer("demultiply_count");
  if (!count) return std::nullopt;
  // 0 is the older spelling of "any number".
  return *count == 0 ? -1 : static_cast<std::int32_t>(*count);
}

// [{"KEY": {"node_name": N, "data_item": D}}, ...]
std::map<std::string, serving::PipelineSource> read_connections(const JsonObject& object, const std::string& key) {
  std::map<std::string, serving::PipelineSource> connections;
  object.each(key, [&](const Json& element, const std::string& path) {
    for (const auto& [name, end] : element.items()) {
      const JsonObject members(end, fmt::format("{}.{}", path, name), object.problem());
      serving::PipelineSource connection{*members.text("node_name"), *members.text("data_item")};
      if (!connections.emplace(name, std::move(connection)).second)
        object.problem().set(path, fmt::format("the name \"{}\" occurs twice", name));
    }
  });
  return connections;
}

// [{"data_item": D, "alias": A}, ...]
std::map<std::string, std::string> read_node_outputs(const JsonObject& object) {
  std::map<std::string, std::string> outputs;
  object.each("outputs", [&](const Json& element, const std::string& path) {
    const JsonObject members(element, path, object.problem());
    const std::string item = *members.text("data_item");
    const std::string alias = *members.text("alias");
    if (!outputs.emplace(alias, item).second)
      object.problem().set(path, fmt::format("the alias \"{}\" occurs twice", alias));
  });
  return outputs;
}

std::optional<Version> read_version(const JsonObject& object) {
  const auto version = object.integer("version");
  return version && *version > 0 ? version : std::nullopt;
}

// One node; a mistake in its values is returned.
Status read_node(const Json& element, const std::string& path, JsonProblem& problem, serving::PipelineNode& node) {
  const JsonObject object(element, path, problem);
  node.name = *object.text("name");
  const std::string type = *object.text("type");
  node.custom = type == "custom";
  node.model = object.text("model_name").value_or("");
  node.version = read_version(object);
  const std::string library = object.text("library_name").value_or("");
  node.inputs = read_connections(object, "inputs");
  node.outputs = read_node_outputs(object);
  node.demultiply_count = read_demultiply_count(object);
  node.gather_from = object.text("gather_from_node").value_or("");
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
  const JsonObject object(value, path, problem);
  entry.definition.name = *object.text("name");
  entry.status = check_name(entry.definition.name);
  entry.definition.inputs = object.text_list("inputs");
  object.each("nodes", [&](const Json& element, const std::string& node_path) {
    Status status = read_node(element, node_path, problem, entry.definition.nodes.emplace_back());
    if (entry.status.ok()) entry.status = std::move(status);
  });
  entry.definition.outputs = read_connections(object, "outputs");
  entry.definition.demultiply_count = read_demultiply_count(object);
  return entry;
}

}  // namespace ocelli::repository
