#include "repository/strict_object.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

namespace ocelli::repository {

using Json = nlohmann::json;

StrictObject::StrictObject(const Json& value, std::string path, JsonProblem& problem)
    : value_(value), path_(std::move(path)), problem_(problem) {
  if (!value_.is_object()) problem_.expected(path_, "an object", value_);
}

const Json* StrictObject::take(const std::string& key) {
  known_.insert(key);
  if (!value_.is_object()) return nullptr;
  const auto found = value_.find(key);
  return found == value_.end() ? nullptr : &*found;
}

std::optional<std::string> StrictObject::text(const std::string& key) {
  const Json* value = take(key);
  if (!value) return std::nullopt;
  if (value->is_string()) return value->get<std::string>();
  problem_.expected(path_of(key), "a string", *value);
  return std::nullopt;
}

std::string StrictObject::required_text(const std::string& key) {
  if (value_.is_object() && !value_.contains(key)) problem_.set(path_of(key), "is missing");
  return text(key).value_or("");
}

std::optional<bool> StrictObject::boolean(const std::string& key) {
  const Json* value = take(key);
  if (!value) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  problem_.expected(path_of(key), "true or false", *value);
  return std::nullopt;
}

bool StrictObject::each(const std::string& key, const std::function<void(const Json&, const std::string&)>& read) {
  const Json* value = take(key);
  if (!value) return false;
  if (!value->is_array()) {
    problem_.expected(path_of(key), "an array", *value);
    return true;
  }
  std::size_t index = 0;
  for (const auto& element : *value) {
    if (problem_.found()) break;
    read(element, fmt::format("{}[{}]", path_of(key), index++));
  }
  return true;
}

void StrictObject::finish() {
  if (!value_.is_object()) return;
  for (const auto& [key, member] : value_.items()) {
    if (!known_.contains(key))
      return problem_.set(path_of(key), fmt::format("unknown key; known here are {}", fmt::join(known_, ", ")));
  }
}

}  // namespace ocelli::repository
