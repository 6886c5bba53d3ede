// Functions that write fields of protobuf messages in their wire form, to the end of a string.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocols/wire/wire_reader.hpp"

namespace ocelli::wire {

// Longest encoding of a varint.
inline constexpr std::size_t kMaxVarintBytes = 10;

// Bytes that a varint takes, 1 to 10.
constexpr std::size_t varint_size(std::uint64_t value) noexcept {
  std::size_t bytes = 1;
  for (; value >= 0x80; value >>= 7) ++bytes;
  return bytes;
}

// The number that begins a field on the wire.
constexpr std::uint64_t tag_of(std::uint32_t number, WireType type) noexcept {
  return (static_cast<std::uint64_t>(number) << 3) | static_cast<std::uint64_t>(type);
}

// Bytes of a length-delimited field: tag, length and payload.
constexpr std::size_t length_field_size(std::uint32_t number, std::size_t payload) noexcept {
  return varint_size(tag_of(number, WireType::kLength)) + varint_size(payload) + payload;
}
constexpr std::size_t varint_field_size(std::uint32_t number, std::uint64_t value) noexcept {
  return varint_size(tag_of(number, WireType::kVarint)) + varint_size(value);
}

// Bytes of a text field; empty text is left out.
constexpr std::size_t text_field_size(std::uint32_t number, std::string_view text) noexcept {
  return text.empty() ? 0 : length_field_size(number, text.size());
}

// Writes to memory that has room; returns the place behind.
inline std::byte* write_varint(std::byte* out, std::uint64_t value) noexcept {
  for (; value >= 0x80; value >>= 7) *out++ = static_cast<std::byte>(value | 0x80);
  *out++ = static_cast<std::byte>(value);
  return out;
}

// Appends a number in base 128, least significant group first.
inline void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

// Tag and length of a field whose payload the caller appends (or sends) next.
inline void append_length_prefix(std::string& out, std::uint32_t number, std::size_t payload) {
  append_varint(out, tag_of(number, WireType::kLength));
  append_varint(out, payload);
}

// Empty text is left out, as proto3 does with default values; so are 0 and false.
inline void append_text(std::string& out, std::uint32_t number, std::string_view text) {
  if (text.empty()) return;
  append_length_prefix(out, number, text.size());
  out.append(text);
}
inline void append_integer(std::string& out, std::uint32_t number, std::uint64_t value) {
  if (value == 0) return;
  append_varint(out, tag_of(number, WireType::kVarint));
  append_varint(out, value);
}

}  // namespace ocelli::wire
