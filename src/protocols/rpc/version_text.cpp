#include "protocols/rpc/version_text.hpp"

#include <charconv>

namespace ocelli::rpc {

Result<std::optional<std::int64_t>> parse_version(std::string_view text) {
  std::int64_t version = 0;
  if (text.empty()) return std::optional<std::int64_t>();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (error != std::errc() || end != text.data() + text.size())
    return invalid_argument("invalid model version format in request");
  return version == 0 ? std::optional<std::int64_t>() : version;
}

}  // namespace ocelli::rpc
