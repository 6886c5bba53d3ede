#include "repository/strict_json.hpp"

#include <fmt/format.h>

#include <array>
#include <fstream>
#include <set>

namespace ocelli::repository {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxText = std::size_t{16} << 20;
constexpr std::size_t kMaxDepth = 32;

// Walks through the text once to see what the document type would hide: depth, and keys that occur twice.
class Inspector final : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return open(); }
  bool start_array(std::size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    if (levels_.back().insert(name).second) return true;
    problem = fmt::format("the key \"{}\" occurs twice in one object", name.substr(0, 200));
    return false;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    problem = fmt::format("not valid JSON at byte {}", position);
    return false;
  }

  std::string problem;

 private:
  bool open() {
    levels_.emplace_back();
    if (levels_.size() <= kMaxDepth) return true;
    problem = fmt::format("nested more than {} deep", kMaxDepth);
    return false;
  }
  bool close() {
    levels_.pop_back();
    return true;
  }
  std::vector<std::set<std::string>> levels_;
};

std::string shown(const Json& value) {
  constexpr std::size_t kShown = 80;
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > kShown) text = text.substr(0, kShown) + "...";
  return text;
}

}  // namespace

std::optional<std::string> read_document(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return std::nullopt;
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return std::nullopt;
  std::string text;
  std::array<char, std::size_t{16} * 1024> piece;
  while (text.size() <= kMaxText && (stream.read(piece.data(), piece.size()) || stream.gcount() > 0))
    text.append(piece.data(), static_cast<std::size_t>(stream.gcount()));
  if (stream.bad()) return std::nullopt;
  return text;
}

Result<Json> parse_json(std::string_view text, std::string_view what) {
  if (text.size() > kMaxText) return failed_precondition(fmt::format("{}: more than {} bytes", what, kMaxText));
  Inspector inspector;
  if (!Json::sax_parse(text, &inspector)) return failed_precondition(fmt::format("{}: {}", what, inspector.problem));
  return Json::parse(text, nullptr, false);
}

void JsonProblem::set(const std::string& path, std::string_view text) {
  if (text_.empty()) text_ = path.empty() ? std::string(text) : fmt::format("{}: {}", path, text);
}

void JsonProblem::expected(const std::string& path, std::string_view expected, const Json& found) {
  set(path, fmt::format("{} expected, not {}", expected, shown(found)));
}

Status JsonProblem::status(std::string_view what) const {
  if (text_.empty()) return {};
  return failed_precondition(fmt::format("{}: {}", what, text_));
}

JsonObject::JsonObject(const Json& value, std::string path, JsonProblem& problem)
    : value_(value), path_(std::move(path)), problem_(problem) {}

const Json* JsonObject::find(const std::string& key) const {
  const auto found = value_.find(key);
  return found == value_.end() ? nullptr : &*found;
}

std::optional<std::string> JsonObject::text(const std::string& key) const {
  const Json* value = find(key);
  return value ? std::optional(value->get<std::string>()) : std::nullopt;
}

std::optional<bool> JsonObject::boolean(const std::string& key) const {
  const Json* value = find(key);
  return value ? std::optional(value->get<bool>()) : std::nullopt;
}

std::optional<std::int64_t> JsonObject::integer(const std::string& key) const {
  const Json* value = find(key);
  return value ? std::optional(value->get<std::int64_t>()) : std::nullopt;
}

void JsonObject::each(const std::string& key, const std::function<void(const Json&, const std::string&)>& read) const {
  const Json* value = find(key);
  if (!value) return;
  std::size_t index = 0;
  for (const auto& element : *value) read(element, fmt::format("{}[{}]", path_of(key), index++));
}

std::map<std::string, std::string> JsonObject::texts(const std::string& key) const {
  const Json* value = find(key);
  return value ? value->get<std::map<std::string, std::string>>() : std::map<std::string, std::string>();
}

std::vector<std::string> JsonObject::text_list(const std::string& key) const {
  const Json* value = find(key);
  return value ? value->get<std::vector<std::string>>() : std::vector<std::string>();
}

std::optional<std::string> scalar_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  if (value.is_number()) return value.dump();
  return std::nullopt;
}

}  // namespace ocelli::repository
