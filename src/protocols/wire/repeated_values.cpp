#include "protocols/wire/repeated_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <concepts>
#include <cstring>
#include <limits>

namespace ocelli::wire {
namespace {

std::size_t width_of(ElementType element) noexcept { return element == WireType::kFixed64 ? 8 : 4; }

// Writes one varint as a T. Signed types read it as two's complement of 64 bits, as protobuf writes int32 and int64.
template <typename T>
bool store(std::uint64_t value, std::byte* out) noexcept {
  T converted;
  if constexpr (std::signed_integral<T>) {
    const auto wide = static_cast<std::int64_t>(value);
    if (wide < std::numeric_limits<T>::min() || wide > std::numeric_limits<T>::max()) return false;
    converted = static_cast<T>(wide);
  } else {
    if (value > std::numeric_limits<T>::max()) return false;
    converted = static_cast<T>(value);
  }
  std::memcpy(out, &converted, sizeof converted);
  return true;
}

bool store_bool(std::uint64_t value, std::byte* out) noexcept {
  *out = static_cast<std::byte>(value != 0);
  return true;
}

// Varints cut to 32 bits by some encoders keep their meaning: int32 fields may come as five bytes.
bool store_int32(std::uint64_t value, std::byte* out) noexcept {
  const auto low = static_cast<std::uint32_t>(value);
  if (value > UINT32_MAX && value < 0xFFFFFFFF80000000ULL) return false;
  std::memcpy(out, &low, sizeof low);
  return true;
}

using Store = bool (*)(std::uint64_t, std::byte*) noexcept;

Store store_for(DataType type) noexcept {
  switch (type) {
    case DataType::kBool:
      return store_bool;
    case DataType::kInt8:
      return store<std::int8_t>;
    case DataType::kInt16:
      return store<std::int16_t>;
    case DataType::kInt32:
      return store_int32;
    case DataType::kInt64:
      return store<std::int64_t>;
    case DataType::kUint8:
      return store<std::uint8_t>;
    case DataType::kUint16:
    case DataType::kFp16:
    case DataType::kBf16:
      return store<std::uint16_t>;
    case DataType::kUint32:
      return store<std::uint32_t>;
    case DataType::kUint64:
      return store<std::uint64_t>;
    default:
      return nullptr;
  }
}

Status out_of_range(std::uint64_t value, DataType type) {
  return invalid_argument(fmt::format("Value does not fit the data type - Expected: {}; Actual: {}",
                                      precision_name(type), static_cast<std::int64_t>(value)));
}

}  // namespace

bool RepeatedValues::count_block(Bytes block) noexcept {
  ++blocks_;
  block_ = block;
  if (element_ == WireType::kVarint) {
    // Every varint has exactly one byte without the continuation bit: its last.
    count_ += static_cast<std::size_t>(std::count_if(
        block.begin(), block.end(), [](std::byte byte) { return static_cast<std::uint8_t>(byte) < 0x80; }));
    return block.empty() || static_cast<std::uint8_t>(block.back()) < 0x80;
  }
  count_ += block.size() / width_of(element_);
  return block.size() % width_of(element_) == 0;
}

std::optional<RepeatedValues> RepeatedValues::find(Bytes message, std::uint32_t number, ElementType element) noexcept {
  RepeatedValues values(message, number, element);
  WireReader reader(message);
  Field field;
  while (reader.next(field)) {
    if (field.number != number) {
      values.other_fields_ |= filled_bit(field);
      continue;
    }
    if (field.type == element) {
      ++values.count_;
      ++values.single_;
      values.text_bytes_ += field.bytes.size();
    } else if (field.type != WireType::kLength || !values.count_block(field.bytes)) {
      return std::nullopt;
    }
  }
  if (!reader.ok()) return std::nullopt;
  return values;
}

std::optional<Bytes> RepeatedValues::contiguous() const noexcept {
  const bool fixed = element_ == WireType::kFixed32 || element_ == WireType::kFixed64;
  if (!fixed || blocks_ != 1 || single_ != 0) return std::nullopt;
  return block_;
}

std::size_t RepeatedValues::bytes_as(DataType type) const noexcept {
  return type == DataType::kString ? count_ * sizeof(std::uint32_t) + text_bytes_ : count_ * element_size(type);
}

Status RepeatedValues::copy_to(DataType type, std::byte* out) const {
  const auto store_value = element_ == WireType::kVarint ? store_for(type) : nullptr;
  const auto step = element_size(type);
  if (element_ == WireType::kVarint && !store_value) return internal_error("varints cannot become this data type");
  WireReader reader(message_);
  Field field;
  while (reader.next(field)) {
    if (field.number != number_) continue;
    if (element_ == WireType::kLength) {
      const auto length = static_cast<std::uint32_t>(field.bytes.size());
      std::memcpy(out, &length, sizeof length);
      if (length > 0) std::memcpy(out + sizeof length, field.bytes.data(), length);
      out += sizeof length + length;
    } else if (element_ != WireType::kVarint) {
      const bool packed = field.type == WireType::kLength;
      const auto* from = packed ? static_cast<const void*>(field.bytes.data()) : &field.value;
      const auto bytes = packed ? field.bytes.size() : width_of(element_);
      if (bytes > 0) std::memcpy(out, from, bytes);
      out += bytes;
    } else if (field.type == WireType::kVarint) {
      if (!store_value(field.value, out)) return out_of_range(field.value, type);
      out += step;
    } else {
      const auto* at = field.bytes.data();
      const auto* end = at + field.bytes.size();
      for (std::uint64_t value = 0; at != end; out += step) {
        if (!read_varint(at, end, value)) return invalid_argument("Request message is malformed: a number is cut off");
        if (!store_value(value, out)) return out_of_range(value, type);
      }
    }
  }
  return {};
}

}  // namespace ocelli::wire
