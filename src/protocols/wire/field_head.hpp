// FieldHead: the head of one field in a message of which only the first bytes are there yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

#include "protocols/wire/wire_reader.hpp"

namespace ocelli::wire {

// Offsets count from the beginning of the prefix; payload, and so next, may lie beyond its end.
struct FieldHead {
  std::uint32_t number = 0;
  WireType type = WireType::kVarint;
  std::size_t payload = 0;
  std::size_t length = 0;
  std::size_t next = 0;
};

// The field that begins at an offset. Empty when its head is not wholly there or is malformed.
inline std::optional<FieldHead> read_field_head(Bytes prefix, std::size_t at) noexcept {
  if (at >= prefix.size()) return std::nullopt;
  const auto* place = prefix.data() + at;
  const auto* end = prefix.data() + prefix.size();
  std::uint64_t tag = 0;
  std::uint64_t length = 0;
  if (!read_varint(place, end, tag)) return std::nullopt;
  FieldHead head{static_cast<std::uint32_t>(tag >> 3), static_cast<WireType>(tag & 7), 0, 0, 0};
  const auto offset = [&] { return static_cast<std::size_t>(place - prefix.data()); };
  switch (head.type) {
    case WireType::kVarint:
      head.payload = offset();
      if (!read_varint(place, end, length)) return std::nullopt;
      head.next = offset();
      return head;
    case WireType::kFixed64:
      length = 8;
      break;
    case WireType::kFixed32:
      length = 4;
      break;
    case WireType::kLength:
      if (!read_varint(place, end, length)) return std::nullopt;
      break;
    default:
      return std::nullopt;
  }
  if (length > std::numeric_limits<std::size_t>::max() / 2) return std::nullopt;
  head.payload = offset();
  head.length = static_cast<std::size_t>(length);
  head.next = head.payload + head.length;
  return head;
}

// Payloads below this are not worth an alignment.
inline constexpr std::size_t kSmallestBulk = 64;

// The first field from `at` to `end` that is length-delimited and that `wanted` says yes to.
template <typename Wanted>
std::optional<FieldHead> find_field_head(Bytes prefix, std::size_t at, std::size_t end, Wanted&& wanted) noexcept {
  while (at < end) {
    const auto head = read_field_head(prefix, at);
    if (!head) return std::nullopt;
    if (head->type == WireType::kLength && wanted(*head)) return head;
    at = head->next;
  }
  return std::nullopt;
}

}  // namespace ocelli::wire
