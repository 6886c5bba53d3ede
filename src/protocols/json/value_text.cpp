#include "protocols/json/value_text.hpp"

#include <string_view>

namespace ocelli::json {

std::string number_text(const JsonNumber& number) {
  constexpr std::size_t kLongest = 40;
  const std::string_view text(number.begin, static_cast<std::size_t>(number.end - number.begin));
  return text.size() <= kLongest ? std::string(text) : std::string(text.substr(0, kLongest)).append("...");
}

std::string value_text(const JsonReader& reader) {
  JsonReader at = reader;
  switch (at.peek()) {
    case JsonKind::kObject:
      return "an object";
    case JsonKind::kArray:
      return "an array";
    case JsonKind::kString:
      return "a string";
    case JsonKind::kBool:
      return *at.position() == 't' ? "true" : "false";
    case JsonKind::kNull:
      return "null";
    case JsonKind::kNumber: {
      JsonNumber number;
      if (scan_number(at.position(), at.position() + at.remaining(), number)) return number_text(number);
      break;
    }
    case JsonKind::kInvalid:
      break;
  }
  return "no value";
}

}  // namespace ocelli::json
