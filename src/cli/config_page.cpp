#include "cli/config_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "cli/markdown.hpp"
#include "repository/config_key.hpp"

namespace ocelli::cli {
namespace {

using Json = nlohmann::ordered_json;
using repository::ConfigKey;
using repository::ConfigNeed;
using repository::ConfigObject;
using repository::ConfigType;

// The objects that are reached from this one, itself first, each once, in the order of the keys.
void collect(const ConfigObject& object, std::vector<const ConfigObject*>& found) {
  if (std::ranges::find(found, &object) != found.end()) return;
  found.push_back(&object);
  for (const auto& key : object.keys) {
    if (key.object) collect(*key.object, found);
  }
}

std::vector<const ConfigObject*> all_objects() {
  std::vector<const ConfigObject*> objects;
  collect(repository::config_document(), objects);
  collect(repository::mapping_document(), objects);
  return objects;
}

Json of_type(const char* type) { return Json{{"type", type}}; }

Json of_types(std::initializer_list<const char*> types) { return Json{{"type", Json(types)}}; }

Json reference(const ConfigObject& object) { return Json{{"$ref", fmt::format("#/$defs/{}", object.name)}}; }

Json with(Json schema, const char* key, Json value) {
  schema[key] = std::move(value);
  return schema;
}

Json members(Json of_each) { return with(of_type("object"), "additionalProperties", std::move(of_each)); }

Json array(Json of_each) { return with(of_type("array"), "items", std::move(of_each)); }

Json whole_number(const ConfigKey& key) {
  Json schema = with(of_type("integer"), "minimum", key.least);
  if (key.limit() != ConfigKey::kNoLimit) schema["maximum"] = key.limit();
  return schema;
}

Json choices(std::string_view list) {
  auto values = Json::array();
  while (!list.empty()) {
    const auto bar = std::min(list.find('|'), list.size());
    values.push_back(list.substr(0, bar));
    list.remove_prefix(std::min(bar + 1, list.size()));
  }
  return with(Json::object(), "enum", std::move(values));
}

Json value_schema(const ConfigKey& key) {
  switch (key.type) {
    case ConfigType::kText:
      return key.choices.empty() ? of_type("string") : choices(key.choices);
    case ConfigType::kBoolean:
      return of_type("boolean");
    case ConfigType::kInteger:
      return whole_number(key);
    case ConfigType::kTextOrInteger:
      return of_types({"string", "integer"});
    case ConfigType::kTextOrTexts:
      return with(of_types({"string", "object"}), "additionalProperties", of_type("string"));
    case ConfigType::kChannelValues:
      return with(of_types({"number", "string", "array"}), "items", of_type("number"));
    case ConfigType::kScalars:
      return members(of_types({"string", "boolean", "number"}));
    case ConfigType::kTexts:
      return members(of_type("string"));
    case ConfigType::kTextList:
      return array(of_type("string"));
    case ConfigType::kIntegerList:
      return array(whole_number(key));
    case ConfigType::kObject:
      return reference(*key.object);
    case ConfigType::kObjectList:
      return array(reference(*key.object));
    case ConfigType::kNamedObjects:
      return array(members(reference(*key.object)));
  }
  return Json::object();
}

// What the file means without the key. Where the key must be there, the default is that of the option alone.
std::string_view file_default(const ConfigKey& key) {
  return key.need == ConfigNeed::kOptional ? key.default_text : std::string_view();
}

std::string description(const ConfigKey& key) {
  std::string out(key.help);
  if (const auto value = file_default(key); !value.empty()) out += fmt::format(" Default: {}.", value);
  if (!key.flag.empty()) out += fmt::format(" On the command line: --{}.", key.flag);
  return out;
}

Json object_schema(const ConfigObject& object) {
  Json schema = with(of_type("object"), "description", object.help);
  auto properties = Json::object();
  auto required = Json::array();
  for (const auto& key : object.keys) {
    properties[std::string(key.name)] = with(value_schema(key), "description", description(key));
    if (key.need != ConfigNeed::kOptional) required.push_back(key.name);
  }
  schema["properties"] = std::move(properties);
  if (!required.empty()) schema["required"] = std::move(required);
  schema["additionalProperties"] = object.other_texts ? of_type("string") : Json(false);
  if (object.one_key) schema["minProperties"] = schema["maxProperties"] = 1;
  return schema;
}

std::string_view type_text(ConfigType type) {
  switch (type) {
    case ConfigType::kText:
      return "string";
    case ConfigType::kBoolean:
      return "true or false";
    case ConfigType::kInteger:
      return "whole number";
    case ConfigType::kTextOrInteger:
      return "string or whole number";
    case ConfigType::kTextOrTexts:
      return "string, or object of strings";
    case ConfigType::kChannelValues:
      return "number, string or array of numbers";
    case ConfigType::kScalars:
      return "object of strings, booleans and numbers";
    case ConfigType::kTexts:
      return "object of strings";
    case ConfigType::kTextList:
      return "array of strings";
    case ConfigType::kIntegerList:
      return "array of whole numbers";
    case ConfigType::kObject:
      return "object";
    case ConfigType::kObjectList:
      return "array of objects";
    case ConfigType::kNamedObjects:
      return "array of `{\"NAME\": object}`";
  }
  return {};
}

std::string type_cell(const ConfigKey& key) {
  std::string out(type_text(key.type));
  if (key.object) out += fmt::format(" [{0}](#{0})", key.object->name);
  const bool counts = key.type == ConfigType::kInteger || key.type == ConfigType::kIntegerList;
  if (counts && key.limit() != ConfigKey::kNoLimit) {
    out += fmt::format(", {} to {}", key.least, key.limit());
  } else if (counts) {
    out += fmt::format(", from {}", key.least);
  }
  if (!key.choices.empty()) out += ": " + markdown_cell(key.choices);
  return out;
}

std::string meaning_cell(const ConfigKey& key) {
  constexpr std::string_view kNeeds[] = {"", "Without it this entry is not served. ", "Required. "};
  return std::string(kNeeds[static_cast<std::size_t>(key.need)]) + markdown_cell(key.help);
}

}  // namespace

std::string config_schema() {
  Json schema{{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", "config.json of Ocelli"}};
  schema.update(object_schema(repository::config_document()));
  auto definitions = Json::object();
  for (const auto* object : all_objects()) {
    if (object != &repository::config_document()) definitions[std::string(object->name)] = object_schema(*object);
  }
  schema["$defs"] = std::move(definitions);
  return schema.dump(2) + "\n";
}

std::string config_markdown() {
  std::string out;
  for (const auto* object : all_objects()) {
    fmt::format_to(std::back_inserter(out), "\n### {}\n{}\n", object->name, object->help);
    if (object->keys.empty()) continue;
    out += "\n| Key | Type | Default | Option | Meaning |\n|---|---|---|---|---|\n";
    for (const auto& key : object->keys) {
      const auto option = key.flag.empty() ? std::string() : fmt::format("--{}", key.flag);
      fmt::format_to(std::back_inserter(out), "| `{}` | {} | {} | {} | {} |\n", key.name, type_cell(key),
                     markdown_code(file_default(key)), markdown_code(option), meaning_cell(key));
    }
  }
  return out;
}

}  // namespace ocelli::cli
