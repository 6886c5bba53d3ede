// RepeatedValues: the elements of one repeated scalar or bytes field of a message, packed or not, and their way into a
// tensor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/status.hpp"
#include "protocols/wire/wire_reader.hpp"
#include "tensor/data_type.hpp"

namespace ocelli::wire {

// How the elements of a field are encoded when they are not packed. kLength means strings, which are never packed.
using ElementType = WireType;

// A view: the message must outlive it. Nothing is copied until copy_to().
class RepeatedValues {
 public:
  // All elements of field `number` in the message. Empty optional: the message is malformed, or the field has another
  // wire type.
  static std::optional<RepeatedValues> find(Bytes message, std::uint32_t number, ElementType element) noexcept;

  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  // Which other fields of the message hold something.
  [[nodiscard]] FieldSet other_fields() const noexcept { return other_fields_; }
  // The elements as they lie in the message, when they are of fixed width and in one block; else empty.
  [[nodiscard]] std::optional<Bytes> contiguous() const noexcept;

  // Bytes that copy_to() writes for a tensor of that type: for kString the packed form of string_tensor.hpp.
  [[nodiscard]] std::size_t bytes_as(DataType type) const noexcept;
  // Converts every element to the type, in order; out must hold bytes_as(type) bytes. Varints become integers of the
  // type's width (kFp16 and kBf16: the bits); fixed-width elements are copied. Fails with the first value that the type
  // cannot hold.
  Status copy_to(DataType type, std::byte* out) const;

 private:
  RepeatedValues(Bytes message, std::uint32_t number, ElementType element) noexcept
      : message_(message), number_(number), element_(element) {}
  // Adds one packed block to the count; false when elements are cut off.
  bool count_block(Bytes block) noexcept;

  Bytes message_;
  std::uint32_t number_;
  ElementType element_;
  std::size_t count_ = 0;
  std::size_t blocks_ = 0;      // packed blocks
  std::size_t single_ = 0;      // elements that are not packed
  std::size_t text_bytes_ = 0;  // kLength: bytes of all elements
  Bytes block_;                 // the last packed block
  FieldSet other_fields_ = 0;
};

}  // namespace ocelli::wire
