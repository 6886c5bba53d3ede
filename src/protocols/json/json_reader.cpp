#include "protocols/json/json_reader.hpp"

#include <simdjson.h>

#include <bit>
#include <cstring>

namespace ocelli::json {
namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101;
constexpr std::uint64_t kHighBits = 0x8080808080808080;

// High bit set in the lowest byte that is zero (and perhaps in later ones).
constexpr std::uint64_t zero_bytes(std::uint64_t bytes) noexcept { return (bytes - kOnes) & ~bytes & kHighBits; }

// The first quote, backslash or control character at or after `at`; end when there is none. non_ascii gets the high
// bits of all passed bytes.
const char* find_special(const char* at, const char* end, unsigned char& non_ascii) noexcept {
  std::uint64_t seen = 0;
  while (end - at >= 8) {
    std::uint64_t bytes;
    std::memcpy(&bytes, at, 8);
    const std::uint64_t control = (bytes - kOnes * 0x20) & ~bytes & kHighBits;
    if (control | zero_bytes(bytes ^ (kOnes * '"')) | zero_bytes(bytes ^ (kOnes * '\\'))) break;
    seen |= bytes;
    at += 8;
  }
  non_ascii |= (seen & kHighBits) ? 0x80 : 0;
  for (; at != end; ++at) {
    const auto c = static_cast<unsigned char>(*at);
    if (c == '"' || c == '\\' || c < 0x20) break;
    non_ascii |= c & 0x80;
  }
  return at;
}

int hex_digit(char c) noexcept {
  if (detail::is_digit(c)) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Four hexadecimal digits; -1 when they are none.
int code_unit(const char* at, const char* end) noexcept {
  if (end - at < 4) return -1;
  int value = 0;
  for (int i = 0; i < 4; ++i) {
    const int digit = hex_digit(at[i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

void append_utf8(std::string& text, std::uint32_t code) {
  const auto tail = [&text](std::uint32_t bits) { text.push_back(static_cast<char>(0x80 | (bits & 0x3F))); };
  if (code < 0x80) {
    text.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    text.push_back(static_cast<char>(0xC0 | (code >> 6)));
    tail(code);
  } else if (code < 0x10000) {
    text.push_back(static_cast<char>(0xE0 | (code >> 12)));
    tail(code >> 6);
    tail(code);
  } else {
    text.push_back(static_cast<char>(0xF0 | (code >> 18)));
    tail(code >> 12);
    tail(code >> 6);
    tail(code);
  }
}

// Decodes \uXXXX, with its second half when it is the first of a pair. at points behind the 'u'; null when it is wrong.
const char* decode_unicode(const char* at, const char* end, std::string& text) {
  const int first = code_unit(at, end);
  if (first < 0 || (first >= 0xDC00 && first <= 0xDFFF)) return nullptr;
  at += 4;
  if (first < 0xD800 || first > 0xDBFF) {
    append_utf8(text, static_cast<std::uint32_t>(first));
    return at;
  }
  if (end - at < 6 || at[0] != '\\' || at[1] != 'u') return nullptr;
  const int second = code_unit(at + 2, end);
  if (second < 0xDC00 || second > 0xDFFF) return nullptr;
  append_utf8(
      text, 0x10000 + (static_cast<std::uint32_t>(first - 0xD800) << 10) + static_cast<std::uint32_t>(second - 0xDC00));
  return at + 6;
}

// Decodes one escape; at points behind the backslash. Null when it is wrong.
const char* decode_escape(const char* at, const char* end, std::string& text) {
  constexpr std::string_view kLetters = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  if (at == end) return nullptr;
  if (*at == 'u') return decode_unicode(at + 1, end, text);
  const auto index = kLetters.find(*at);
  if (index == std::string_view::npos) return nullptr;
  text.push_back(kMeanings[index]);
  return at + 1;
}

// "NaN", "nan", "Infinity", "-Infinity", "inf": what programs write that take JSON lightly.
bool at_not_finite(const char* at, const char* end) noexcept {
  if (at != end && (*at == '-' || *at == '+')) ++at;
  if (end - at < 3) return false;
  const char word[] = {static_cast<char>(at[0] | 0x20), static_cast<char>(at[1] | 0x20),
                       static_cast<char>(at[2] | 0x20)};
  const std::string_view lower(word, sizeof word);
  return lower == "nan" || lower == "inf";
}

}  // namespace

JsonKind JsonReader::peek() noexcept {
  skip_space();
  if (at_ == end_) return JsonKind::kInvalid;
  switch (*at_) {
    case '{':
      return JsonKind::kObject;
    case '[':
      return JsonKind::kArray;
    case '"':
      return JsonKind::kString;
    case 't':
    case 'f':
      return JsonKind::kBool;
    case 'n':
      return end_ - at_ > 1 && at_[1] == 'u' ? JsonKind::kNull : JsonKind::kInvalid;
    case '-':
      return end_ - at_ > 1 && detail::is_digit(at_[1]) ? JsonKind::kNumber : JsonKind::kInvalid;
    default:
      return detail::is_digit(*at_) ? JsonKind::kNumber : JsonKind::kInvalid;
  }
}

bool JsonReader::expect(JsonKind kind) noexcept {
  if (!ok()) return false;
  const JsonKind actual = peek();
  if (actual == kind) return true;
  if (actual != JsonKind::kInvalid) return fail(JsonError::kWrongKind);
  return fail(at_not_finite(at_, end_) ? JsonError::kNotFinite : JsonError::kSyntax);
}

bool JsonReader::begin(char open, JsonKind kind) noexcept {
  if (!expect(kind)) return false;
  static_cast<void>(take(open));
  if (++depth_ > kMaxDepth) return fail(JsonError::kTooDeep);
  fresh_ = true;
  return true;
}

bool JsonReader::begin_object() noexcept { return begin('{', JsonKind::kObject); }
bool JsonReader::begin_array() noexcept { return begin('[', JsonKind::kArray); }

bool JsonReader::end_container() noexcept {
  --depth_;
  fresh_ = false;
  return false;
}

bool JsonReader::next_key(std::string_view& key) {
  if (!ok()) return false;
  skip_space();
  if (take('}')) return end_container();
  if (!fresh_ && !take(',')) return fail(JsonError::kSyntax);
  if (peek() != JsonKind::kString) return fail(JsonError::kSyntax);
  if (!read_string(key)) return false;
  skip_space();
  return take(':') || fail(JsonError::kSyntax);
}

bool JsonReader::next_element() noexcept {
  if (!ok()) return false;
  skip_space();
  if (take(']')) return end_container();
  if (!fresh_ && !take(',')) return fail(JsonError::kSyntax);
  fresh_ = false;
  return true;
}

bool JsonReader::read_string(std::string_view& value) {
  if (!expect(JsonKind::kString)) return false;
  const char* const begin = ++at_;
  unsigned char non_ascii = 0;
  bool escaped = false;
  for (at_ = find_special(at_, end_, non_ascii); at_ != end_ && *at_ == '\\';
       at_ = find_special(at_, end_, non_ascii)) {
    escaped = true;
    at_ += end_ - at_ > 1 ? 2 : 1;
  }
  if (at_ == end_ || *at_ != '"') return fail(JsonError::kSyntax);
  const char* const close = at_++;
  if (non_ascii && !simdjson::validate_utf8(begin, static_cast<std::size_t>(close - begin)))
    return fail(JsonError::kSyntax);
  fresh_ = false;
  if (escaped) return unescape(begin, close, value);
  value = {begin, static_cast<std::size_t>(close - begin)};
  return true;
}

bool JsonReader::unescape(const char* begin, const char* end, std::string_view& value) {
  std::string& text = store_->add();
  text.reserve(static_cast<std::size_t>(end - begin));
  while (begin != end) {
    const auto* slash = static_cast<const char*>(std::memchr(begin, '\\', static_cast<std::size_t>(end - begin)));
    text.append(begin, slash ? slash : end);
    if (!slash) break;
    begin = decode_escape(slash + 1, end, text);
    if (!begin) return fail(JsonError::kSyntax);
  }
  value = text;
  return true;
}

bool JsonReader::take_word(std::string_view word) noexcept {
  if (remaining() < word.size() || std::memcmp(at_, word.data(), word.size()) != 0) return fail(JsonError::kSyntax);
  at_ += word.size();
  fresh_ = false;
  return true;
}

bool JsonReader::read_bool(bool& value) noexcept {
  if (!expect(JsonKind::kBool)) return false;
  value = *at_ == 't';
  return take_word(value ? "true" : "false");
}

bool JsonReader::read_null() noexcept { return expect(JsonKind::kNull) && take_word("null"); }

bool JsonReader::read_number(JsonNumber& number) noexcept {
  if (!expect(JsonKind::kNumber)) return false;
  const char* const end = scan_number(at_, end_, number);
  if (!end) return fail(JsonError::kSyntax);
  at_ = end;
  fresh_ = false;
  return true;
}

bool JsonReader::skip() {
  std::string_view text;
  JsonNumber number;
  bool flag = false;
  switch (peek()) {
    case JsonKind::kObject:
      if (begin_object()) {
        while (next_key(text)) skip_member(text);
      }
      return ok();
    case JsonKind::kArray:
      if (begin_array()) {
        while (next_element()) skip();
      }
      return ok();
    case JsonKind::kString:
      if (!read_string(text)) return false;
      forget(text);
      return true;
    case JsonKind::kNumber:
      return read_number(number);
    case JsonKind::kBool:
      return read_bool(flag);
    case JsonKind::kNull:
      return read_null();
    case JsonKind::kInvalid:
      break;
  }
  return expect(JsonKind::kNull);  // fails, and says why
}

bool JsonReader::skip_member(std::string_view key) {
  forget(key);
  return skip();
}

bool JsonReader::finish() noexcept {
  skip_space();
  return ok() && (at_ == end_ || fail(JsonError::kSyntax));
}

}  // namespace ocelli::json
