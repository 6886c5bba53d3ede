#include "protocols/admin/settings_json.hpp"

#include <fmt/format.h>

#include <utility>

#include "protocols/json/json_reader.hpp"
#include "protocols/json/json_text.hpp"

namespace ocelli::admin {
namespace {

using json::JsonKind;
using json::JsonReader;

constexpr std::size_t kMostSettings = 64;

// False when the value is of no kind that a setting has, or the text is at fault.
bool read_value(JsonReader& reader, settings::Value& value) {
  std::string_view text;
  bool flag = false;
  json::JsonNumber number;
  switch (reader.peek()) {
    case JsonKind::kNull:
      return reader.read_null();
    case JsonKind::kBool:
      if (!reader.read_bool(flag)) return false;
      value = flag;
      return true;
    case JsonKind::kString:
      if (!reader.read_string(text)) return false;
      value = std::string(text);
      return true;
    case JsonKind::kNumber: {
      const auto natural = reader.read_number(number) ? json::to_uint64(number) : std::nullopt;
      if (natural) value = *natural;
      return natural.has_value();
    }
    case JsonKind::kArray:
      break;
    case JsonKind::kInvalid:
      reader.skip();  // which says that it is no JSON
      return false;
    default:
      return false;
  }
  auto& list = value.emplace<std::vector<std::string>>();
  if (!reader.begin_array()) return false;
  while (reader.next_element()) {
    if (list.size() == kMostSettings || !reader.read_string(text)) return false;
    list.emplace_back(text);
  }
  return reader.ok();
}

}  // namespace

Result<settings::Values> parse_settings(std::string_view body) {
  settings::Values values;
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) return values;
  json::TextStore texts;
  JsonReader reader(body, texts);
  std::string wrong;
  if (reader.begin_object()) {
    std::string_view name;
    while (wrong.empty() && reader.next_key(name)) {
      if (values.size() == kMostSettings)
        return invalid_argument(fmt::format("Invalid settings - Expected: at most {}", kMostSettings));
      auto& [key, value] = values.emplace_back(std::string(name), settings::Value());
      if (!read_value(reader, value) && reader.error() != json::JsonError::kSyntax) wrong = key;
    }
    if (wrong.empty()) reader.finish();
  }
  if (!wrong.empty()) {
    return invalid_argument(
        fmt::format("Invalid setting - Expected: a string, a boolean, an integer from 0, a list of strings or null; "
                    "setting name: {}",
                    wrong));
  }
  if (reader.error() == json::JsonError::kWrongKind) return invalid_argument("Request body should be JSON object");
  if (!reader.ok()) return failed_precondition("The file is not valid json");
  return values;
}

void append_settings(std::string& text, const settings::Values& values) {
  text.push_back('{');
  bool first = true;
  for (const auto& [name, value] : values) {
    if (!std::exchange(first, false)) text.push_back(',');
    json::append_quoted(text, name);
    text.push_back(':');
    if (const auto* flag = std::get_if<bool>(&value)) {
      text.append(*flag ? "true" : "false");
    } else if (const auto* number = std::get_if<std::uint64_t>(&value)) {
      json::append_unsigned(text, *number);
    } else if (const auto* words = std::get_if<std::string>(&value)) {
      json::append_quoted(text, *words);
    } else if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
      text.push_back('[');
      for (const auto& word : *list) {
        if (&word != list->data()) text.push_back(',');
        json::append_quoted(text, word);
      }
      text.push_back(']');
    } else {
      text.append("null");
    }
  }
  text.push_back('}');
}

}  // namespace ocelli::admin
