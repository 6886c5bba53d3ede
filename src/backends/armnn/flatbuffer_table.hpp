// FlatTable: one table of a flatbuffer whose bytes nobody has checked yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace ocelli::arm_nn {

// Reads the wire form of flatbuffers (https://flatbuffers.dev/internals): a table begins with the signed distance back
// to its vtable, which holds 16-bit offsets of the fields; tables, vectors and strings are reached by unsigned 32-bit
// offsets. Every access is checked against the bytes, and what does not fit is "not there", never a crash. The bytes
// must outlive the table. Field numbers count from 0 in the schema's order; a union takes two, its type first.
class FlatTable {
 public:
  // A vector inside the buffer: count elements from `at` on.
  struct Vector {
    std::size_t at = 0;
    std::size_t count = 0;
  };

  // The root table; empty when bytes are too short to have one.
  static std::optional<FlatTable> root(std::span<const std::byte> bytes) noexcept;

  // The value of a scalar field; `fallback` when the file leaves it out or it lies outside.
  template <typename T>
  [[nodiscard]] T scalar(std::size_t field, T fallback) const noexcept {
    const auto at = field_at(field);
    return at ? load<T>(*at).value_or(fallback) : fallback;
  }
  [[nodiscard]] std::optional<FlatTable> table(std::size_t field) const noexcept;
  // Elements of element_size bytes each; empty when it is missing or does not fit.
  [[nodiscard]] Vector vector(std::size_t field, std::size_t element_size) const noexcept;
  [[nodiscard]] std::string_view string(std::size_t field) const noexcept;
  // Where a struct stored in place begins.
  [[nodiscard]] std::optional<std::size_t> field_at(std::size_t field) const noexcept;

  // Element i of a vector of scalars, or of tables.
  template <typename T>
  [[nodiscard]] std::optional<T> element(const Vector& vector, std::size_t i) const noexcept {
    return i < vector.count ? load<T>(vector.at + i * sizeof(T)) : std::nullopt;
  }
  [[nodiscard]] std::optional<FlatTable> table_element(const Vector& vector, std::size_t i) const noexcept;

  // The bytes at a place; empty when they lie outside.
  template <typename T>
  [[nodiscard]] std::optional<T> load(std::size_t at) const noexcept;

 private:
  FlatTable(std::span<const std::byte> bytes, std::size_t at) noexcept : bytes_(bytes), at_(at) {}
  [[nodiscard]] std::optional<FlatTable> table_at(std::size_t offset_at) const noexcept;

  std::span<const std::byte> bytes_;
  std::size_t at_;
};

}  // namespace ocelli::arm_nn
