// StrictJson: reading JSON documents in which an unknown key, a wrong type or a missing value is an error that names
// its place. For this module's .cpp files only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"

namespace ocelli::repository {

// Text to a document; what names it in errors. kFailedPrecondition when it is longer than 16 MiB, nested deeper than
// 32, has a key twice, or is not JSON (then with the position).
Result<nlohmann::json> parse_json(std::string_view text, std::string_view what);

// The text of a file; of one that is too long for parse_json(), only as much as makes it say so. Nothing when the path
// is no regular file (opening a pipe would wait for its writer) or cannot be read.
std::optional<std::string> read_document(const std::filesystem::path& path);

// The first thing that is wrong with a document; what comes later is not kept.
class JsonProblem {
 public:
  void expected(const std::string& path, std::string_view expected, const nlohmann::json& found);
  void set(const std::string& path, std::string_view text);
  [[nodiscard]] bool found() const noexcept { return !text_.empty(); }
  // kFailedPrecondition with "what: path: text"; OK when nothing was found.
  [[nodiscard]] Status status(std::string_view what) const;

 private:
  std::string text_;
};

// One object of the document. Readers return the value when the key is there and right; else nothing, and a wrong or
// missing one is reported to the problem. finish() reports keys that nobody asked for. The document and the problem
// outlive it.
class JsonObject {
 public:
  JsonObject(const nlohmann::json& value, std::string path, JsonProblem& problem);

  // The value as it is; the caller reads it.
  const nlohmann::json* take(const std::string& key);
  std::optional<std::string> text(const std::string& key);
  // "" and a report when absent.
  std::string required_text(const std::string& key);
  std::optional<bool> boolean(const std::string& key);
  std::optional<std::int64_t> integer(const std::string& key, std::int64_t least,
                                      std::int64_t most = std::numeric_limits<std::int64_t>::max());
  // Calls read for each element with its path. False when the key is absent.
  bool each(const std::string& key, const std::function<void(const nlohmann::json&, const std::string& path)>& read);
  // Members of an object of strings.
  std::map<std::string, std::string> texts(const std::string& key);
  std::vector<std::string> text_list(const std::string& key);
  [[nodiscard]] bool has(const std::string& key) const { return value_.is_object() && value_.contains(key); }
  void require(const std::string& key);
  void finish();

  // "model_config_list[0].config.KEY"
  [[nodiscard]] std::string path_of(const std::string& key) const { return path_.empty() ? key : path_ + "." + key; }
  [[nodiscard]] JsonProblem& problem() const noexcept { return problem_; }

 private:
  const nlohmann::json& value_;
  std::string path_;
  JsonProblem& problem_;
  std::set<std::string> known_;
};

// The value of a string, boolean or number as plugin_config and the parameters want it; nothing for other types.
std::optional<std::string> scalar_text(const nlohmann::json& value);

}  // namespace ocelli::repository
