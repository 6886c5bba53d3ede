#include "tensor/string_tensor.hpp"

#include <fmt/format.h>

#include <cstring>

namespace ocelli {

Result<std::vector<std::string_view>> unpack_strings(std::span<const std::byte> packed, std::size_t expected_count) {
  std::vector<std::string_view> elements;
  std::size_t at = 0;
  while (at < packed.size()) {
    std::uint32_t length = 0;
    if (packed.size() - at < sizeof length)
      return invalid_argument(fmt::format("string element {}: length prefix is cut off", elements.size()));
    std::memcpy(&length, packed.data() + at, sizeof length);
    at += sizeof length;
    if (length > packed.size() - at) {
      return invalid_argument(fmt::format("string element {}: length {} goes beyond the {} bytes that are left",
                                          elements.size(), length, packed.size() - at));
    }
    elements.emplace_back(reinterpret_cast<const char*>(packed.data()) + at, length);
    at += length;
    if (elements.size() > expected_count) break;
  }
  if (expected_count != kAnyCount && elements.size() != expected_count) {
    return invalid_argument(fmt::format("string tensor: expected {} elements, found {}{}", expected_count,
                                        elements.size() > expected_count ? "at least " : "", elements.size()));
  }
  return elements;
}

std::size_t packed_size(std::span<const std::string_view> elements) noexcept {
  std::size_t bytes = 0;
  for (auto element : elements) bytes += sizeof(std::uint32_t) + element.size();
  return bytes;
}

void pack_strings(std::span<const std::string_view> elements, std::byte* out) noexcept {
  for (auto element : elements) {
    const auto length = static_cast<std::uint32_t>(element.size());
    std::memcpy(out, &length, sizeof length);
    out += sizeof length;
    if (!element.empty()) std::memcpy(out, element.data(), element.size());
    out += element.size();
  }
}

}  // namespace ocelli
