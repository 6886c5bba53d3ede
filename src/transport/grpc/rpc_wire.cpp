#include "transport/grpc/rpc_wire.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace ocelli::transport {
namespace {

// Sent to clients as the number of nanoseconds of each unit letter.
constexpr std::array<std::pair<char, std::int64_t>, 6> kTimeoutUnits{
    {{'n', 1}, {'u', 1'000}, {'m', 1'000'000}, {'S', 1'000'000'000}, {'M', 60'000'000'000}, {'H', 3'600'000'000'000}}};
constexpr std::int64_t kMaxTimeoutValue = 99'999'999;
constexpr std::int64_t kCenturyNs = std::int64_t{36'525} * 24 * 3'600'000'000'000;

constexpr bool is_plain(unsigned char c) noexcept { return c >= 0x20 && c <= 0x7e && c != '%'; }
constexpr bool is_continuation(unsigned char c) noexcept { return (c & 0xc0) == 0x80; }

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

MessagePrefix make_message_prefix(bool compressed, std::uint32_t length) noexcept {
  return {static_cast<std::byte>(compressed), static_cast<std::byte>(length >> 24),
          static_cast<std::byte>(length >> 16), static_cast<std::byte>(length >> 8), static_cast<std::byte>(length)};
}

std::uint32_t message_length(const MessagePrefix& prefix) noexcept {
  std::uint32_t length = 0;
  for (std::size_t i = 1; i < prefix.size(); ++i) length = length << 8 | std::to_integer<std::uint32_t>(prefix[i]);
  return length;
}

std::optional<Duration> parse_grpc_timeout(std::string_view text) noexcept {
  if (text.size() < 2 || text.size() > 9) return std::nullopt;
  const auto* unit =
      std::find_if(kTimeoutUnits.begin(), kTimeoutUnits.end(), [&](const auto& u) { return u.first == text.back(); });
  if (unit == kTimeoutUnits.end()) return std::nullopt;
  text.remove_suffix(1);
  if (!std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  if (value > kCenturyNs / unit->second) return Duration(kCenturyNs);
  return std::chrono::duration_cast<Duration>(std::chrono::nanoseconds(value * unit->second));
}

std::string format_grpc_timeout(Duration timeout) {
  const std::int64_t ns =
      std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::nanoseconds>(timeout).count());
  for (const auto& [letter, unit] : kTimeoutUnits) {
    const std::int64_t value = ns / unit + (ns % unit != 0);
    if (value <= kMaxTimeoutValue) return std::to_string(value) + letter;
  }
  return std::to_string(kMaxTimeoutValue) + 'H';
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  out.reserve(std::min(text.size() * 3, kMaxEncodedMessage));
  std::size_t character = 0;  // where the last whole character of out ends
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (!is_continuation(byte)) character = out.size();
    if (out.size() + (is_plain(byte) ? 1 : 3) > kMaxEncodedMessage) {
      out.resize(character);
      return out;
    }
    if (is_plain(byte)) {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

std::string percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
    if (low < 0) {
      out += text[i];
    } else {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

std::optional<RpcEncoding> rpc_encoding_from(std::string_view name) noexcept {
  for (const auto encoding : {RpcEncoding::kIdentity, RpcEncoding::kGzip, RpcEncoding::kDeflate}) {
    if (name == rpc_encoding_name(encoding)) return encoding;
  }
  return std::nullopt;
}

std::string_view rpc_encoding_name(RpcEncoding encoding) noexcept {
  switch (encoding) {
    case RpcEncoding::kGzip:
      return "gzip";
    case RpcEncoding::kDeflate:
      return "deflate";
    case RpcEncoding::kIdentity:
      break;
  }
  return "identity";
}

bool accepts_encoding(std::string_view list, RpcEncoding encoding) noexcept {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (trim(list.substr(0, comma)) == rpc_encoding_name(encoding)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return encoding == RpcEncoding::kIdentity;
}

StatusCode status_code_from_grpc(int number) noexcept {
  constexpr std::array kCodes{StatusCode::kOk,
                              StatusCode::kCancelled,
                              StatusCode::kInternal,
                              StatusCode::kInvalidArgument,
                              StatusCode::kDeadlineExceeded,
                              StatusCode::kNotFound,
                              StatusCode::kAlreadyExists,
                              StatusCode::kPermissionDenied,
                              StatusCode::kResourceExhausted,
                              StatusCode::kFailedPrecondition,
                              StatusCode::kAborted,
                              StatusCode::kInternal,
                              StatusCode::kUnimplemented,
                              StatusCode::kInternal,
                              StatusCode::kUnavailable,
                              StatusCode::kInternal,
                              StatusCode::kUnauthenticated};
  return number >= 0 && static_cast<std::size_t>(number) < kCodes.size() ? kCodes[static_cast<std::size_t>(number)]
                                                                         : StatusCode::kInternal;
}

bool is_grpc_content_type(std::string_view value) noexcept {
  constexpr std::string_view kBase = "application/grpc";
  if (!value.starts_with(kBase)) return false;
  value.remove_prefix(kBase.size());
  return value.empty() || value.front() == '+' || value.front() == ';';
}

}  // namespace ocelli::transport
