#include "protocols/json/json_text.hpp"

#include <fmt/compile.h>
#include <fmt/format.h>
#include <simdjson.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "tensor/half.hpp"

namespace ocelli::json {
namespace {

// Length of the valid UTF-8 sequence that value begins with; 0 when there is none.
std::size_t sequence_length(std::string_view value) noexcept {
  const auto lead = static_cast<unsigned char>(value[0]);
  const std::size_t length = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  return length <= value.size() && simdjson::validate_utf8(value.data(), length) ? length : 0;
}

void append_escaped(std::string& text, char c) {
  switch (c) {
    case '"':
      text.append("\\\"");
      return;
    case '\\':
      text.append("\\\\");
      return;
    case '\n':
      text.append("\\n");
      return;
    case '\r':
      text.append("\\r");
      return;
    case '\t':
      text.append("\\t");
      return;
    case '\b':
      text.append("\\b");
      return;
    case '\f':
      text.append("\\f");
      return;
    default:
      fmt::format_to(std::back_inserter(text), FMT_COMPILE("\\u{:04X}"),
                     static_cast<unsigned>(static_cast<unsigned char>(c)));
  }
}

bool needs_escape(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }

// Appends value, which is valid UTF-8, without quotes.
void append_valid(std::string& text, std::string_view value) {
  std::size_t clean = 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (!needs_escape(value[i])) continue;
    text.append(value.substr(clean, i - clean));
    append_escaped(text, value[i]);
    clean = i + 1;
  }
  text.append(value.substr(clean));
}

// Longest element: "-1.7976931348623157e+308" and ".0".
constexpr std::size_t kLongestElement = 32;

template <typename Float>
char* write_float(char* out, Float value) {
  char* const end = fmt::format_to(out, FMT_COMPILE("{}"), value);
  // A value with a fraction has a point or an exponent already, and from 10^16 on fmt writes an exponent.
  constexpr Float kFirstExponent = 1e16F;
  if (!(std::fabs(value) < kFirstExponent) || static_cast<Float>(static_cast<std::int64_t>(value)) != value) return end;
  end[0] = '.';
  end[1] = '0';
  return end + 2;
}

char* write_bool(char* out, bool value) noexcept {
  const std::string_view word = value ? "true" : "false";
  std::memcpy(out, word.data(), word.size());
  return out + word.size();
}

template <typename Integer>
char* write_integer(char* out, Integer value) noexcept {
  return std::to_chars(out, out + kLongestElement, value).ptr;
}

// Writes count elements of Stored through write(out, element) into blocks, each appended to text when it is full. False
// when an element's write() gave null.
template <typename Stored, typename Write>
bool write_all(std::string& text, const std::byte* data, std::size_t count, std::string_view separator, Write write) {
  std::array<char, 4096> block;
  char* out = block.data();
  const char* const full = block.data() + block.size() - kLongestElement - separator.size();
  for (std::size_t i = 0; i < count; ++i) {
    Stored element;
    std::memcpy(&element, data + i * sizeof(Stored), sizeof(Stored));
    if (i > 0) {
      std::memcpy(out, separator.data(), separator.size());
      out += separator.size();
    }
    out = write(out, element);
    if (!out) return false;
    if (out >= full) {
      text.append(block.data(), out);
      out = block.data();
    }
  }
  text.append(block.data(), out);
  return true;
}

template <typename Stored, typename Convert>
bool write_floats(std::string& text, const std::byte* data, std::size_t count, std::string_view separator,
                  Convert convert) {
  return write_all<Stored>(text, data, count, separator, [convert](char* out, Stored element) -> char* {
    const auto value = convert(element);
    return std::isfinite(value) ? write_float(out, value) : nullptr;
  });
}

template <typename Integer>
bool write_integers(std::string& text, const std::byte* data, std::size_t count, std::string_view separator) {
  return write_all<Integer>(text, data, count, separator,
                            [](char* out, Integer value) { return write_integer(out, value); });
}

bool write_typed(std::string& text, DataType type, const std::byte* data, std::size_t count,
                 std::string_view separator) {
  switch (type) {
    case DataType::kFp32:
      return write_floats<float>(text, data, count, separator, [](float value) { return value; });
    case DataType::kFp64:
      return write_floats<double>(text, data, count, separator, [](double value) { return value; });
    case DataType::kFp16:
      return write_floats<std::uint16_t>(text, data, count, separator, fp16_to_float);
    case DataType::kBf16:
      return write_floats<std::uint16_t>(text, data, count, separator, bf16_to_float);
    case DataType::kInt8:
      return write_integers<std::int8_t>(text, data, count, separator);
    case DataType::kInt16:
      return write_integers<std::int16_t>(text, data, count, separator);
    case DataType::kInt32:
      return write_integers<std::int32_t>(text, data, count, separator);
    case DataType::kInt64:
      return write_integers<std::int64_t>(text, data, count, separator);
    case DataType::kUint8:
      return write_integers<std::uint8_t>(text, data, count, separator);
    case DataType::kUint16:
      return write_integers<std::uint16_t>(text, data, count, separator);
    case DataType::kUint32:
      return write_integers<std::uint32_t>(text, data, count, separator);
    case DataType::kUint64:
      return write_integers<std::uint64_t>(text, data, count, separator);
    case DataType::kBool:
      return write_all<std::uint8_t>(text, data, count, separator,
                                     [](char* out, std::uint8_t value) { return write_bool(out, value != 0); });
    case DataType::kString:
    case DataType::kUndefined:
      break;
  }
  return false;
}

}  // namespace

bool is_utf8(std::string_view value) noexcept { return simdjson::validate_utf8(value.data(), value.size()); }

void append_quoted(std::string& text, std::string_view value) {
  text.push_back('"');
  if (is_utf8(value)) {
    append_valid(text, value);
  } else {
    while (!value.empty()) {
      const std::size_t length = sequence_length(value);
      append_valid(text, length == 0 ? std::string_view("\xEF\xBF\xBD") : value.substr(0, length));
      value.remove_prefix(length == 0 ? 1 : length);
    }
  }
  text.push_back('"');
}

void append_integer(std::string& text, std::int64_t value) {
  std::array<char, kLongestElement> digits;
  text.append(digits.data(), write_integer(digits.data(), value));
}

void append_unsigned(std::string& text, std::uint64_t value) {
  std::array<char, kLongestElement> digits;
  text.append(digits.data(), write_integer(digits.data(), value));
}

Status append_elements(std::string& text, const TensorView& view, std::size_t first, std::size_t count,
                       std::string_view separator, std::string_view name) {
  if (count == 0) return {};
  if (write_typed(text, view.type, view.data + first * element_size(view.type), count, separator)) return {};
  return invalid_argument(fmt::format(
      "Output holds NaN or infinite values, which JSON cannot express; ask for binary data - output name: {}", name));
}

Status append_strings(std::string& text, std::span<const std::string_view> elements, std::string_view separator,
                      std::string_view name) {
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if (!is_utf8(elements[i])) {
      return invalid_argument(
          fmt::format("Output holds bytes that are no UTF-8 text; ask for binary data - output name: {}", name));
    }
    if (i > 0) text.append(separator);
    append_quoted(text, elements[i]);
  }
  return {};
}

}  // namespace ocelli::json
