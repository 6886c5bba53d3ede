#include "protocols/rest/route_table.hpp"

#include <charconv>

namespace ocelli::rest {
namespace {

using transport::HttpMethod;

// The text up to the next '/', which is taken from path with it.
std::string_view next_segment(std::string_view& path) noexcept {
  const auto slash = path.find('/');
  const std::string_view segment = path.substr(0, slash);
  path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  return segment;
}

bool all_digits(std::string_view text) noexcept {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// The raw texts of placeholders.
struct RawParameters {
  std::string_view name;
  std::string_view version;
};

bool match_segment(std::string_view pattern, std::string_view segment, RawParameters& raw) noexcept {
  if (!pattern.starts_with('{')) return pattern == segment;
  const auto close = pattern.find('}');
  const std::string_view placeholder = pattern.substr(1, close - 1);
  const std::string_view suffix = pattern.substr(close + 1);
  if (segment.size() <= suffix.size() || !segment.ends_with(suffix)) return false;
  segment.remove_suffix(suffix.size());
  if (placeholder == "version") {
    raw.version = segment;
    return all_digits(segment);
  }
  if (placeholder == "label") return segment.find(':') == std::string_view::npos;
  raw.name = segment;
  return placeholder == "name" || segment.find(':') == std::string_view::npos;
}

// Both without their first '/'.
bool match_path(std::string_view pattern, std::string_view path, RawParameters& raw) noexcept {
  raw = {};
  while (!pattern.empty() && !path.empty()) {
    if (!match_segment(next_segment(pattern), next_segment(path), raw)) return false;
  }
  return pattern.empty() && path.empty();
}

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// False when a '%' is not followed by two hexadecimal digits.
bool percent_decode(std::string_view text, std::string& decoded) {
  decoded.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    if (text.size() - i < 3) return false;
    const int high = hex_value(text[i + 1]);
    const int low = hex_value(text[i + 2]);
    if (high < 0 || low < 0) return false;
    decoded.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return true;
}

Status invalid_url() { return invalid_argument("Invalid request URL"); }
Status unsupported_method() { return {StatusCode::kMethodNotAllowed, "Unsupported method"}; }

Status fill(const RawParameters& raw, RouteParameters& parameters) {
  parameters.name = raw.name;
  parameters.version.reset();
  if (raw.name.find('%') != std::string_view::npos) {
    if (!percent_decode(raw.name, parameters.decoded) || parameters.decoded.find("..") != std::string::npos)
      return invalid_url();
    parameters.name = parameters.decoded;
  }
  if (raw.version.empty()) return {};
  std::int64_t version = 0;
  const auto result = std::from_chars(raw.version.data(), raw.version.data() + raw.version.size(), version);
  if (result.ec != std::errc{}) return invalid_argument("invalid model version format in request");
  if (version != 0) parameters.version = version;
  return {};
}

}  // namespace

Result<std::size_t> find_route(std::span<const RoutePattern> patterns, HttpMethod method, std::string_view path,
                               RouteParameters& parameters) {
  if (method != HttpMethod::kGet && method != HttpMethod::kPost) return unsupported_method();
  if (!path.starts_with('/') || path.find("..") != std::string_view::npos) return invalid_url();
  path.remove_prefix(1);
  if (path.ends_with('/')) path.remove_suffix(1);

  bool known = false;
  RawParameters raw;
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    if (!match_path(patterns[i].pattern.substr(1), path, raw)) continue;
    known = true;
    if (patterns[i].method != method) continue;
    if (auto status = fill(raw, parameters); !status.ok()) return status;
    return i;
  }
  return known ? unsupported_method() : invalid_url();
}

}  // namespace ocelli::rest
