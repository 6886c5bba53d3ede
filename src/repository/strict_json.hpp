// StrictJson: reading JSON documents in which an unknown key, a wrong type or a missing value is an error that names
// its place. For this module's .cpp files only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
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

// One object of a document that check_config() (config_check.hpp) found nothing wrong with: types are not looked at
// again. Readers return the value, or nothing when the key is absent. The document and the problem outlive it.
class JsonObject {
 public:
  JsonObject(const nlohmann::json& value, std::string path, JsonProblem& problem);

  // The value as it is; the caller reads it.
  [[nodiscard]] const nlohmann::json* find(const std::string& key) const;
  [[nodiscard]] std::optional<std::string> text(const std::string& key) const;
  [[nodiscard]] std::optional<bool> boolean(const std::string& key) const;
  [[nodiscard]] std::optional<std::int64_t> integer(const std::string& key) const;
  // Calls read for each element with its path.
  void each(const std::string& key,
            const std::function<void(const nlohmann::json&, const std::string& path)>& read) const;
  // Members of an object of strings.
  [[nodiscard]] std::map<std::string, std::string> texts(const std::string& key) const;
  [[nodiscard]] std::vector<std::string> text_list(const std::string& key) const;

  // "model_config_list[0].config.KEY"
  [[nodiscard]] std::string path_of(const std::string& key) const { return path_.empty() ? key : path_ + "." + key; }
  // For what is wrong beyond types.
  [[nodiscard]] JsonProblem& problem() const noexcept { return problem_; }

 private:
  const nlohmann::json& value_;
  std::string path_;
  JsonProblem& problem_;
};

// The value of a string, boolean or number as plugin_config and the parameters want it; nothing for other types.
std::optional<std::string> scalar_text(const nlohmann::json& value);

}  // namespace ocelli::repository
