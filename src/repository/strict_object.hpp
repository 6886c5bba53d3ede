// StrictObject: one JSON object that is read and checked at once. For documents that are not described by a table of
// keys (config_key.hpp): Triton's model configuration. For this module's .cpp files only.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>

#include "repository/strict_json.hpp"

namespace ocelli::repository {

// Readers return the value when the key is there and right; else nothing, and a wrong or missing one is reported to the
// problem. finish() reports keys that nobody asked for. The value and the problem outlive it.
class StrictObject {
 public:
  // path: where the object stands, for reports.
  StrictObject(const nlohmann::json& value, std::string path, JsonProblem& problem);

  // The value as it is; the caller reads it.
  const nlohmann::json* take(const std::string& key);
  std::optional<std::string> text(const std::string& key);
  // "" and a report when absent.
  std::string required_text(const std::string& key);
  std::optional<bool> boolean(const std::string& key);
  // Calls read for each element with its path, until there is a problem. False when the key is absent.
  bool each(const std::string& key, const std::function<void(const nlohmann::json&, const std::string& path)>& read);
  void finish();

  // "instance_group[0].KEY"
  [[nodiscard]] std::string path_of(const std::string& key) const { return path_ + "." + key; }

 private:
  const nlohmann::json& value_;
  const std::string path_;
  JsonProblem& problem_;
  std::set<std::string> known_;
};

}  // namespace ocelli::repository
