#include "backends/armnn/flatbuffer_table.hpp"

#include <cstring>

namespace ocelli::arm_nn {

template <typename T>
std::optional<T> FlatTable::load(std::size_t at) const noexcept {
  if (at > bytes_.size() || bytes_.size() - at < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes_.data() + at, sizeof(T));
  return value;
}

template std::optional<std::int8_t> FlatTable::load(std::size_t) const noexcept;
template std::optional<std::uint8_t> FlatTable::load(std::size_t) const noexcept;
template std::optional<std::uint16_t> FlatTable::load(std::size_t) const noexcept;
template std::optional<std::int32_t> FlatTable::load(std::size_t) const noexcept;
template std::optional<std::uint32_t> FlatTable::load(std::size_t) const noexcept;

std::optional<FlatTable> FlatTable::root(std::span<const std::byte> bytes) noexcept {
  return FlatTable(bytes, 0).table_at(0);
}

std::optional<FlatTable> FlatTable::table_at(std::size_t offset_at) const noexcept {
  const auto offset = load<std::uint32_t>(offset_at);
  if (!offset || *offset == 0 || offset_at + *offset >= bytes_.size()) return std::nullopt;
  return FlatTable(bytes_, offset_at + *offset);
}

std::optional<std::size_t> FlatTable::field_at(std::size_t field) const noexcept {
  const auto back = load<std::int32_t>(at_);
  if (!back) return std::nullopt;
  const auto vtable = static_cast<std::int64_t>(at_) - *back;
  if (vtable < 0) return std::nullopt;
  const auto vtable_at = static_cast<std::size_t>(vtable);
  const auto vtable_bytes = load<std::uint16_t>(vtable_at);
  const std::size_t entry = 4 + 2 * field;
  if (!vtable_bytes || entry + 2 > *vtable_bytes) return std::nullopt;
  const auto offset = load<std::uint16_t>(vtable_at + entry);
  if (!offset || *offset == 0) return std::nullopt;
  return at_ + *offset;
}

std::optional<FlatTable> FlatTable::table(std::size_t field) const noexcept {
  const auto at = field_at(field);
  return at ? table_at(*at) : std::nullopt;
}

FlatTable::Vector FlatTable::vector(std::size_t field, std::size_t element_size) const noexcept {
  const auto at = field_at(field);
  const auto offset = at ? load<std::uint32_t>(*at) : std::nullopt;
  const auto count = offset ? load<std::uint32_t>(*at + *offset) : std::nullopt;
  if (!count) return {};
  const std::size_t begin = *at + *offset + sizeof(std::uint32_t);
  if (begin > bytes_.size() || (bytes_.size() - begin) / element_size < *count) return {};
  return {begin, *count};
}

std::string_view FlatTable::string(std::size_t field) const noexcept {
  const Vector text = vector(field, 1);
  return {reinterpret_cast<const char*>(bytes_.data()) + text.at, text.count};
}

std::optional<FlatTable> FlatTable::table_element(const Vector& vector, std::size_t i) const noexcept {
  return i < vector.count ? table_at(vector.at + i * sizeof(std::uint32_t)) : std::nullopt;
}

}  // namespace ocelli::arm_nn
