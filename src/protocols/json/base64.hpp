// Base64 as RFC 4648 section 4 defines it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace ocelli::json {

// Bytes that decode_base64() needs room for at most.
constexpr std::size_t base64_room(std::size_t text_size) noexcept { return text_size / 4 * 3 + 3; }

// Decodes text into out, which has base64_room(text.size()) bytes, and gives how many it wrote; empty when text is no
// base64. The '=' at the end may be missing; line ends are not allowed.
std::optional<std::size_t> decode_base64(std::string_view text, std::byte* out) noexcept;

// Appends bytes as base64, with '=' at the end.
void append_base64(std::string& text, std::string_view bytes);

}  // namespace ocelli::json
