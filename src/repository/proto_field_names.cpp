#include "repository/proto_field_names.hpp"

#include <utility>
#include <vector>

namespace ocelli::repository {
namespace {

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

// Names that no field has in JSON stay, for the reader to refuse as they were given.
std::string field_name(const std::string& name) {
  if (name.empty() || is_upper(name[0]) || name.find('_') != std::string::npos) return name;
  std::string field;
  for (const char c : name) {
    if (is_upper(c)) field.push_back('_');
    field.push_back(is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c);
  }
  return field;
}

void rename(nlohmann::json& object, const std::string& name, const std::string& field) {
  if (name == field || !object.contains(name) || object.contains(field)) return;
  auto value = std::move(object[name]);
  object.erase(name);
  object[field] = std::move(value);
}

void rename_all(nlohmann::json& value) {
  if (value.is_object()) {
    std::vector<std::string> names;
    for (const auto& member : value.items()) names.push_back(member.key());
    for (const auto& name : names) rename(value, name, field_name(name));
  }
  if (!value.is_structured()) return;
  for (auto& element : value) rename_all(element);
}

}  // namespace

std::string json_name(std::string_view field) {
  std::string name;
  bool begins = false;
  for (const char c : field) {
    if (c != '_') name.push_back(begins && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
    begins = c == '_';
  }
  return name;
}

void to_field_names(nlohmann::json& object, const std::string& field) {
  if (!object.is_object()) return;
  rename(object, json_name(field), field);
  if (const auto found = object.find(field); found != object.end()) rename_all(*found);
}

}  // namespace ocelli::repository
