#include "transport/http/request_head.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstring>

#include "base/letter_case.hpp"

namespace ocelli::transport {
namespace {

constexpr std::size_t kNotFound = std::string_view::npos;
// A longer target is refused with 414; no path or query of ours comes near.
constexpr std::size_t kMaxTargetBytes = std::size_t{8} * 1024;

constexpr std::array<bool, 256> kTokenCharacters = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = '0'; c <= '9'; ++c) table[c] = true;
  for (std::size_t c = 'A'; c <= 'Z'; ++c) table[c] = table[c + ('a' - 'A')] = true;
  for (const char c : {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'}) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}();

bool is_token_character(char c) noexcept { return kTokenCharacters[static_cast<unsigned char>(c)]; }

bool is_token(std::string_view text) noexcept {
  for (const char c : text) {
    if (!is_token_character(c)) return false;
  }
  return !text.empty();
}

bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Digits alone: no sign, no space, no overflow.
std::optional<std::size_t> parse_length(std::string_view text) noexcept {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

HttpMethod method_of(std::string_view name) noexcept {
  constexpr std::array<std::pair<std::string_view, HttpMethod>, 7> kMethods{{{"POST", HttpMethod::kPost},
                                                                             {"GET", HttpMethod::kGet},
                                                                             {"PUT", HttpMethod::kPut},
                                                                             {"DELETE", HttpMethod::kDelete},
                                                                             {"HEAD", HttpMethod::kHead},
                                                                             {"OPTIONS", HttpMethod::kOptions},
                                                                             {"PATCH", HttpMethod::kPatch}}};
  for (const auto& [known, method] : kMethods) {
    if (known == name) return method;
  }
  return HttpMethod::kOther;
}

// Calls visit(element) for each element of a comma list, without white space and without empty ones.
template <typename Visit>
void for_each_element(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    const auto element = trimmed(list.substr(0, comma));
    if (!element.empty()) visit(element);
    if (comma == kNotFound) return;
    list.remove_prefix(comma + 1);
  }
}

class HeadParser {
 public:
  HeadParser(std::string_view text, std::size_t max_fields, RequestHead& head)
      : rest_(text), max_fields_(max_fields), head_(head) {}

  std::optional<HeadError> run() {
    if (!parse_request_line() || !parse_fields() || !conclude()) return std::move(error_);
    return std::nullopt;
  }

 private:
  bool fail(std::string message, int status = 400) {
    error_ = HeadError{status, std::move(message)};
    return false;
  }

  // The next line without its CRLF; the caller has made sure that the text ends in one.
  std::string_view next_line() noexcept {
    const auto end = rest_.find("\r\n");
    const auto line = rest_.substr(0, end);
    rest_.remove_prefix(end + 2);
    return line;
  }

  bool parse_request_line() {
    const auto line = next_line();
    const auto first = line.find(' ');
    const auto last = line.rfind(' ');
    if (first == kNotFound || first == last) return fail("Malformed request line");
    const auto method = line.substr(0, first);
    const auto version = line.substr(last + 1);
    if (!is_token(method)) return fail("Malformed request method");
    head_.method_name = method;
    head_.target = line.substr(first + 1, last - first - 1);
    if (version.size() != 8 || !version.starts_with("HTTP/")) return fail("Malformed HTTP version");
    if (version != "HTTP/1.1" && version != "HTTP/1.0") {
      return fail("HTTP version not supported. Expected: HTTP/1.1 or HTTP/1.0", 505);
    }
    head_.http_1_0 = version.back() == '0';
    head_.keep_alive = !head_.http_1_0;
    head_.method = method_of(head_.method_name);
    return parse_target();
  }

  bool parse_target() {
    auto target = head_.target;
    if (target.size() > kMaxTargetBytes) {
      return fail(
          fmt::format("Request target too long. Limit: {} bytes; Actual: {} bytes", kMaxTargetBytes, target.size()),
          414);
    }
    for (const char c : target) {
      if (is_control(c) || c == ' ') return fail("Invalid character in the request target");
    }
    for (const std::string_view scheme : {"http://", "https://"}) {
      if (target.size() > scheme.size() && same_letters(target.substr(0, scheme.size()), scheme)) {
        const auto slash = target.find('/', scheme.size());
        target = slash == kNotFound ? std::string_view("/") : target.substr(slash);
        break;
      }
    }
    const bool asterisk = target == "*" && head_.method == HttpMethod::kOptions;
    if (!asterisk && !target.starts_with('/')) return fail("Malformed request target");
    const auto question = target.find('?');
    head_.path = target.substr(0, question);
    head_.query = question == kNotFound ? std::string_view() : target.substr(question + 1);
    return true;
  }

  bool parse_fields() {
    while (true) {
      const auto line = next_line();
      if (line.empty()) return true;
      if (head_.fields.size() == max_fields_) return fail(fmt::format("Too many headers. Limit: {}", max_fields_), 431);
      const auto colon = line.find(':');
      if (colon == kNotFound) return fail("Malformed header: no colon");
      const auto name = line.substr(0, colon);
      if (!is_token(name)) return fail("Malformed header name");
      const auto value = trimmed(line.substr(colon + 1));
      for (const char c : value) {
        if (is_control(c) && c != '\t') return fail(fmt::format("Invalid character in header {}", name));
      }
      head_.fields.push_back({name, value});
      if (!note(name, value)) return false;
    }
  }

  // Headers that the transport itself acts on.
  bool note(std::string_view name, std::string_view value) {
    switch (name.size()) {
      case 4:
        if (same_letters(name, "host")) return ++hosts_, true;
        break;
      case 6:
        if (same_letters(name, "expect")) return note_expect(value);
        break;
      case 10:
        if (same_letters(name, "connection")) note_connection(value);
        break;
      case 14:
        if (same_letters(name, "content-length")) return note_content_length(value);
        break;
      case 15:
        if (same_letters(name, "accept-encoding")) note_accept_encoding(value);
        break;
      case 16:
        if (same_letters(name, "content-encoding")) return note_content_encoding(value);
        break;
      case 17:
        if (same_letters(name, "transfer-encoding")) return note_transfer_encoding(value);
        break;
      case 31:
        if (same_letters(name, "inference-header-content-length")) return note_json_length(value);
        break;
      default:
        break;
    }
    return true;
  }

  bool note_expect(std::string_view value) {
    if (!same_letters(value, "100-continue")) return fail("Unsupported expectation. Expected: 100-continue", 417);
    head_.expects_continue = !head_.http_1_0;
    return true;
  }

  void note_connection(std::string_view value) {
    for_each_element(value, [&](std::string_view option) {
      if (same_letters(option, "close")) close_asked_ = true;
      if (same_letters(option, "keep-alive")) head_.keep_alive = true;
    });
  }

  bool note_content_length(std::string_view value) {
    if (head_.framing == BodyFraming::kLength) return fail("More than one Content-Length header");
    const auto length = parse_length(value);
    if (!length) return fail("Invalid Content-Length header. Expected: a number of bytes");
    head_.framing = head_.framing == BodyFraming::kChunked ? BodyFraming::kChunked : BodyFraming::kLength;
    has_content_length_ = true;
    head_.content_length = *length;
    return true;
  }

  // Where the tensors begin: two that differ would be read differently by the transport, the protocol and a proxy.
  bool note_json_length(std::string_view value) {
    if (has_json_length_) return fail("More than one Inference-Header-Content-Length header");
    has_json_length_ = true;
    head_.json_length = parse_length(value).value_or(0);  // what is no length is the protocol's to refuse
    return true;
  }

  bool note_transfer_encoding(std::string_view value) {
    if (head_.framing == BodyFraming::kChunked) return fail("More than one Transfer-Encoding header");
    if (!same_letters(value, "chunked")) return fail("Unsupported Transfer-Encoding. Expected: chunked", 501);
    head_.framing = BodyFraming::kChunked;
    return true;
  }

  bool note_content_encoding(std::string_view value) {
    if (has_content_coding_) return fail("More than one Content-Encoding header");
    has_content_coding_ = true;
    if (same_letters(value, "identity") || value.empty()) return true;
    if (same_letters(value, "gzip") || same_letters(value, "x-gzip"))
      head_.content_coding = ContentCoding::kGzip;
    else if (same_letters(value, "deflate"))
      head_.content_coding = ContentCoding::kDeflate;
    else
      return fail(fmt::format("Unsupported Content-Encoding. Expected: gzip, deflate or identity; Actual: {}", value),
                  415);
    return true;
  }

  void note_accept_encoding(std::string_view list) {
    std::size_t elements = 0;
    for_each_element(list, [&](std::string_view element) {
      ++elements;
      const auto semicolon = element.find(';');
      const auto coding = trimmed(element.substr(0, semicolon));
      if (semicolon != kNotFound && is_refused(trimmed(element.substr(semicolon + 1)))) return;
      if (same_letters(coding, "gzip")) head_.accepted_coding = ContentCoding::kGzip;
      if (same_letters(coding, "deflate") && head_.accepted_coding == ContentCoding::kIdentity) {
        head_.accepted_coding = ContentCoding::kDeflate;
      }
    });
    head_.accepts_only_coding = elements == 1 && head_.accepted_coding != ContentCoding::kIdentity;
  }

  // "q=0", "q=0.0", "q=0.000": the client does not want that coding.
  static bool is_refused(std::string_view weight) noexcept {
    if (weight.size() < 3 || lower(weight[0]) != 'q' || weight[1] != '=') return false;
    return weight.substr(2).find_first_not_of("0.") == kNotFound;
  }

  bool conclude() {
    if (hosts_ > 1) return fail("More than one Host header");
    if (hosts_ == 0 && !head_.http_1_0) return fail("Missing Host header");
    if (close_asked_) head_.keep_alive = false;
    if (head_.framing == BodyFraming::kChunked) {
      if (has_content_length_) return fail("Both Content-Length and Transfer-Encoding are present");
      if (head_.http_1_0) return fail("Transfer-Encoding is not allowed in HTTP/1.0");
    }
    if (head_.framing == BodyFraming::kLength && head_.content_length == 0) head_.framing = BodyFraming::kNone;
    return true;
  }

  std::string_view rest_;
  std::size_t max_fields_;
  RequestHead& head_;
  HeadError error_;
  int hosts_ = 0;
  bool close_asked_ = false;
  bool has_content_length_ = false;
  bool has_content_coding_ = false;
  bool has_json_length_ = false;
};

}  // namespace

void RequestHead::clear() noexcept {
  auto kept = std::move(fields);
  kept.clear();
  *this = RequestHead();
  fields = std::move(kept);
}

std::optional<std::string_view> RequestHead::find(std::string_view name) const noexcept {
  for (const auto& field : fields) {
    if (same_letters(field.name, name)) return field.value;
  }
  return std::nullopt;
}

std::size_t find_head_end(std::string_view text) noexcept {
  const void* end = ::memmem(text.data(), text.size(), "\r\n\r\n", 4);
  return end ? static_cast<std::size_t>(static_cast<const char*>(end) - text.data()) + 4 : kNotFound;
}

bool may_become_head(std::string_view text) noexcept {
  if (!text.empty() && !is_token_character(text.front())) return false;
  for (auto feed = text.find('\n'); feed != kNotFound; feed = text.find('\n', feed + 1)) {
    if (feed == 0 || text[feed - 1] != '\r') return false;
  }
  return true;
}

std::optional<HeadError> parse_head(std::string_view text, std::size_t max_fields, RequestHead& head) {
  head.clear();
  return HeadParser(text, max_fields, head).run();
}

}  // namespace ocelli::transport
