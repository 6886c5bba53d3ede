// As much of JSON Schema as ocelli::cli::config_schema() uses.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>

namespace ocelli::test {

class JsonSchema {
 public:
  explicit JsonSchema(nlohmann::json root) : root_(std::move(root)) {}

  // What is wrong with the value, with its place; empty when nothing is. reference: "#/$defs/NAME" or the root.
  std::string mistake(const nlohmann::json& value, const std::string& reference = "#") {
    return check(value, resolve(reference), reference, "");
  }

  // "NAME.KEY" of every key that a value had, and of every one that there is.
  const std::set<std::string>& seen() const { return seen_; }
  std::set<std::string> all() const {
    std::set<std::string> keys;
    for (const auto& [key, schema] : root_["properties"].items()) keys.insert("#." + key);
    for (const auto& [name, object] : root_["$defs"].items()) {
      for (const auto& [key, schema] : object["properties"].items()) keys.insert("#/$defs/" + name + "." + key);
    }
    return keys;
  }

 private:
  using Json = nlohmann::json;

  const Json& resolve(const std::string& reference) const {
    return reference == "#" ? root_ : root_.at(Json::json_pointer(reference.substr(1)));
  }

  static bool is_a(const Json& value, const std::string& type) {
    if (type == "integer") return value.is_number_integer();
    return type == value.type_name();
  }

  static bool has_type(const Json& value, const Json& types) {
    if (types.is_string()) return is_a(value, types);
    return std::ranges::any_of(types, [&](const Json& type) { return is_a(value, type); });
  }

  std::string check(const Json& value, const Json& schema, const std::string& name, const std::string& path) {
    if (const auto target = schema.find("$ref"); target != schema.end())
      return check(value, resolve(*target), *target, path);
    if (const auto types = schema.find("type"); types != schema.end() && !has_type(value, *types))
      return path + ": " + types->dump();
    if (const auto choices = schema.find("enum"); choices != schema.end()) {
      if (std::ranges::find(*choices, value) == choices->end()) return path + ": " + choices->dump();
    }
    if (value.is_number()) {
      if (schema.contains("minimum") && value < schema["minimum"]) return path + ": too small";
      if (schema.contains("maximum") && value > schema["maximum"]) return path + ": too large";
    }
    if (value.is_array() && schema.contains("items")) {
      for (const auto& element : value) {
        if (auto wrong = check(element, schema["items"], name, path + "/-"); !wrong.empty()) return wrong;
      }
    }
    return value.is_object() ? check_object(value, schema, name, path) : "";
  }

  std::string check_object(const Json& value, const Json& schema, const std::string& name, const std::string& path) {
    for (const auto& key : schema.value("required", Json::array())) {
      if (!value.contains(key)) return path + ": without " + key.dump();
    }
    if (value.size() < schema.value("minProperties", std::size_t{0})) return path + ": too few keys";
    if (value.size() > schema.value("maxProperties", value.size())) return path + ": too many keys";
    const Json others = schema.value("additionalProperties", Json(true));
    const Json known = schema.value("properties", Json::object());
    for (const auto& [key, member] : value.items()) {
      const auto property = known.find(key);
      if (property != known.end()) seen_.insert(name + "." + key);
      if (property == known.end() && others == Json(false)) return path + ": unknown " + key;
      if (property == known.end() && !others.is_object()) continue;
      const Json& rule = property == known.end() ? others : *property;
      if (auto wrong = check(member, rule, name, path + "/" + key); !wrong.empty()) return wrong;
    }
    return "";
  }

  nlohmann::json root_;
  std::set<std::string> seen_;
};

}  // namespace ocelli::test
