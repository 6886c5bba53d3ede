// WireReader: walks the fields of one protobuf message in its wire form, without building objects.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace ocelli::wire {

using Bytes = std::span<const std::byte>;

// The wire types of the protobuf encoding (protobuf.dev/programming-guides/encoding). Groups (3, 4) are refused: proto3
// has none.
enum class WireType : std::uint8_t { kVarint = 0, kFixed64 = 1, kLength = 2, kFixed32 = 5 };

// One field. value holds varints and fixed-width numbers (as their bits), bytes what is length-delimited.
struct Field {
  std::uint32_t number = 0;
  WireType type = WireType::kVarint;
  std::uint64_t value = 0;
  Bytes bytes;

  // The bytes of a length-delimited field as text.
  [[nodiscard]] std::string_view text() const noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  [[nodiscard]] std::int64_t as_int64() const noexcept { return static_cast<std::int64_t>(value); }
  [[nodiscard]] bool as_bool() const noexcept { return value != 0; }
  // Whether it is that field in that wire type.
  [[nodiscard]] bool is(std::uint32_t wanted, WireType wanted_type) const noexcept {
    return number == wanted && type == wanted_type;
  }
};

// Reads one varint at *at (which moves behind it). False when it is cut off or longer than ten bytes.
inline bool read_varint(const std::byte*& at, const std::byte* end, std::uint64_t& value) noexcept {
  if (at != end && static_cast<std::uint8_t>(*at) < 0x80) [[likely]] {
    value = static_cast<std::uint8_t>(*at++);
    return true;
  }
  std::uint64_t result = 0;
  for (unsigned shift = 0; shift < 70 && at != end; shift += 7) {
    const auto byte = static_cast<std::uint8_t>(*at++);
    result |= static_cast<std::uint64_t>(byte & 0x7F) << (shift < 64 ? shift : 63);
    if (byte < 0x80) {
      value = result;
      return true;
    }
  }
  return false;
}

// Numbers of fields that a message has: bit n for field n. Numbers from 32 are left out.
using FieldSet = std::uint32_t;
constexpr FieldSet field_bit(std::uint32_t number) noexcept { return number < 32 ? FieldSet{1} << number : 0; }

// The field's bit when it holds something: 0 for a block or text without bytes.
inline FieldSet filled_bit(const Field& field) noexcept {
  return field.type != WireType::kLength || !field.bytes.empty() ? field_bit(field.number) : 0;
}

// Example: WireReader reader(bytes); Field field; while (reader.next(field)) ...; if (!reader.ok()) error.
// Never reads beyond the bytes it was given, allocates nothing, and takes time linear in their number.
class WireReader {
 public:
  explicit WireReader(Bytes message) noexcept : at_(message.data()), begin_(at_), end_(at_ + message.size()) {}

  // The next field, false at the end or when the rest is malformed.
  bool next(Field& field) noexcept {
    if (at_ == end_ || !ok_) return false;
    return ok_ = read(field);
  }
  // False once something malformed was met.
  [[nodiscard]] bool ok() const noexcept { return ok_; }
  // Bytes read so far.
  [[nodiscard]] std::size_t position() const noexcept { return static_cast<std::size_t>(at_ - begin_); }

 private:
  bool read(Field& field) noexcept {
    std::uint64_t tag = 0;
    if (!read_varint(at_, end_, tag) || tag > UINT32_MAX || (tag >> 3) == 0) return false;
    field.number = static_cast<std::uint32_t>(tag >> 3);
    field.type = static_cast<WireType>(tag & 7);
    field.bytes = {};
    switch (field.type) {
      case WireType::kVarint:
        return read_varint(at_, end_, field.value);
      case WireType::kFixed64:
        return read_fixed<std::uint64_t>(field.value);
      case WireType::kFixed32:
        return read_fixed<std::uint32_t>(field.value);
      case WireType::kLength:
        return read_bytes(field);
    }
    return false;
  }
  template <typename T>
  bool read_fixed(std::uint64_t& value) noexcept {
    if (static_cast<std::size_t>(end_ - at_) < sizeof(T)) return false;
    T bits;
    std::memcpy(&bits, at_, sizeof bits);
    value = bits;
    at_ += sizeof bits;
    return true;
  }
  bool read_bytes(Field& field) noexcept {
    if (!read_varint(at_, end_, field.value) || field.value > static_cast<std::uint64_t>(end_ - at_)) return false;
    field.bytes = {at_, static_cast<std::size_t>(field.value)};
    at_ += field.bytes.size();
    return true;
  }

  const std::byte* at_;
  const std::byte* begin_;
  const std::byte* end_;
  bool ok_ = true;
};

}  // namespace ocelli::wire
