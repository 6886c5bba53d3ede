#include "protocols/json/base64.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace ocelli::json {
namespace {

constexpr std::uint8_t kInvalid = 0xFF;
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// The six bits of each character.
constexpr std::array<std::uint8_t, 256> make_table() {
  std::array<std::uint8_t, 256> table{};
  table.fill(kInvalid);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i)
    table[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  return table;
}
constexpr auto kTable = make_table();

// 24 bits from four characters; the high byte is not 0 when one of them is invalid.
std::uint32_t four(const char* at) noexcept {
  const auto bits = [at](int i) { return std::uint32_t{kTable[static_cast<unsigned char>(at[i])]}; };
  const std::uint32_t invalid = (bits(0) | bits(1) | bits(2) | bits(3)) & 0x80;
  return (bits(0) << 18 | bits(1) << 12 | bits(2) << 6 | bits(3)) | invalid << 24;
}

}  // namespace

std::optional<std::size_t> decode_base64(std::string_view text, std::byte* out) noexcept {
  if (text.size() % 4 == 0 && text.ends_with('=')) text.remove_suffix(text[text.size() - 2] == '=' ? 2 : 1);
  const std::size_t tail = text.size() % 4;
  if (tail == 1) return std::nullopt;
  std::byte* const begin = out;
  const char* at = text.data();
  for (std::size_t i = text.size() / 4; i > 0; --i, at += 4) {
    const std::uint32_t bits = four(at);
    if (bits >> 31) return std::nullopt;
    *out++ = std::byte(bits >> 16);
    *out++ = std::byte(bits >> 8 & 0xFF);
    *out++ = std::byte(bits & 0xFF);
  }
  if (tail > 0) {
    const char rest[4] = {at[0], at[1], tail == 3 ? at[2] : 'A', 'A'};
    const std::uint32_t bits = four(rest);
    if (bits >> 31) return std::nullopt;
    *out++ = std::byte(bits >> 16);
    if (tail == 3) *out++ = std::byte(bits >> 8 & 0xFF);
  }
  return static_cast<std::size_t>(out - begin);
}

void append_base64(std::string& text, std::string_view bytes) {
  text.reserve(text.size() + (bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k) bits = bits << 8 | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) text.push_back(k <= count ? kAlphabet[bits >> (18 - 6 * k) & 0x3F] : '=');
  }
}

}  // namespace ocelli::json
