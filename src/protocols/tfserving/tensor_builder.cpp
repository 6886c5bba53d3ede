#include "protocols/tfserving/tensor_builder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "protocols/json/base64.hpp"
#include "protocols/json/value_text.hpp"
#include "tensor/half.hpp"

namespace ocelli::tfserving {
namespace {

using json::JsonKind;
using json::JsonNumber;
using json::JsonReader;
using json::NumberRun;

constexpr std::string_view kEncodedKey = "b64";

// Casts as C++ does, but only values that the integer type can hold.
template <typename T>
bool cast(const JsonNumber& number, T& value) noexcept {
  if (number.integer) {
    if constexpr (std::is_unsigned_v<T>) {
      const auto wide = json::to_uint64(number);
      value = static_cast<T>(wide.value_or(0));
      return wide && *wide <= std::numeric_limits<T>::max();
    } else {
      const auto wide = json::to_int64(number);
      value = static_cast<T>(wide.value_or(0));
      return wide && *wide >= std::numeric_limits<T>::min() && *wide <= std::numeric_limits<T>::max();
    }
  }
  // Both borders are exact in a double: a power of two, or one less, where the comparison leaves the power out.
  const double wide = std::trunc(json::to_double(number));
  const double limit = std::ldexp(1.0, std::numeric_limits<T>::digits);
  if (!(wide < limit && wide >= (std::is_signed_v<T> ? -limit : 0.0))) return false;
  value = static_cast<T>(wide);
  return true;
}

template <typename T>
bool append(json::GrowingBlock& block, T value) {
  std::memcpy(block.extend(sizeof value), &value, sizeof value);
  return true;
}

template <typename T>
bool append_integer(json::GrowingBlock& block, const JsonNumber& number) {
  T value{};
  return cast(number, value) && append(block, value);
}

bool append_float(json::GrowingBlock& block, float value) { return std::isfinite(value) && append(block, value); }

bool append_half(json::GrowingBlock& block, float value, std::uint16_t bits, float back) {
  return std::isfinite(value) && std::isfinite(back) && append(block, bits);
}

}  // namespace

TensorBuilder::TensorBuilder(std::string_view name, DataType type, bool whole, std::size_t expected, ChargedPool pool)
    : name_(name), type_(type), whole_(whole), block_(pool, std::max<std::size_t>(expected * element_size(type), 64)) {
  std::ranges::fill(extents_, kUnknown);
}

bool TensorBuilder::read(JsonReader& reader, std::size_t level) {
  if (level == 1) {
    ++rows_;
    array_levels_ = std::max<std::size_t>(array_levels_, 1);
  }
  if (type_ == DataType::kUndefined) return reader.skip();
  return reader.peek() == JsonKind::kArray ? read_array(reader, level) : read_leaf(reader, level);
}

// Keeps the first reason; always false.
bool TensorBuilder::wrong_value(const std::string& actual) {
  if (fault_.empty()) {
    fault_ = fmt::format("Expected: {} values; Actual: {} at element {}", precision_name(type_), actual,
                         elements_ == 0 ? 0 : elements_ - 1);
  }
  return false;
}

bool TensorBuilder::ragged() {
  if (fault_.empty()) fault_ = "Expected: arrays of equal lengths and depths, of one kind of values";
  return false;
}

bool TensorBuilder::read_array(JsonReader& reader, std::size_t level) {
  if (level >= Shape::kMaxRank || (leaf_level_ && *leaf_level_ <= level)) return ragged();
  array_levels_ = std::max(array_levels_, level + 1);
  if (!reader.begin_array()) return false;
  std::int64_t count = 0;
  bool good = true;
  auto store = [&](const JsonNumber& number) {
    good = good && (at_leaf(level + 1) || ragged()) && (add_number(number) || wrong_value(json::number_text(number)));
    ++count;
  };
  for (;;) {
    const NumberRun run = reader.read_numbers(store);
    if (!good || run == NumberRun::kError) return false;
    if (run == NumberRun::kArrayEnd) return set_extent(level, count) || ragged();
    ++count;
    if (!(reader.peek() == JsonKind::kArray ? read_array(reader, level + 1) : read_leaf(reader, level + 1)))
      return false;
  }
}

bool TensorBuilder::read_leaf(JsonReader& reader, std::size_t level) {
  if (!at_leaf(level)) return ragged();
  std::string_view text;
  JsonNumber number;
  bool flag = false;
  switch (reader.peek()) {
    case JsonKind::kNumber:
      return reader.read_number(number) && (add_number(number) || wrong_value(json::number_text(number)));
    case JsonKind::kBool:
      return reader.read_bool(flag) && (add_bool(flag) || wrong_value(flag ? "true" : "false"));
    case JsonKind::kString:
      if (!reader.read_string(text) || !(add_text(text) || ragged())) return false;
      reader.forget(text);
      return true;
    case JsonKind::kObject:
      return read_encoded(reader);
    default:
      ++elements_;
      return reader.skip() && !wrong_value("null") && reader.fail(json::JsonError::kWrongKind);
  }
}

bool TensorBuilder::at_leaf(std::size_t level) noexcept {
  if (leaf_level_) return *leaf_level_ == level;
  leaf_level_ = level;
  return array_levels_ <= level;
}

bool TensorBuilder::set_extent(std::size_t level, std::int64_t extent) noexcept {
  if (extents_[level] == kUnknown) extents_[level] = extent;
  return extents_[level] == extent;
}

bool TensorBuilder::read_encoded(JsonReader& reader) {
  const auto moment = reader.moment();
  std::string_view key;
  std::string_view text;
  const auto wrong = [this] {
    if (fault_.empty()) fault_ = "Expected: {\"b64\": \"...\"} with base64 text, where an object stands";
    return false;
  };
  if (!reader.begin_object() || !reader.next_key(key) || key != kEncodedKey || !reader.read_string(text))
    return wrong();
  if (reader.next_key(key) || !reader.ok()) return wrong();
  if (!begin_strings()) return ragged();
  const std::size_t room = sizeof(std::uint32_t) + json::base64_room(text.size());
  std::byte* const at = block_.extend(room);
  const auto size = json::decode_base64(text, at + sizeof(std::uint32_t));
  if (!size) return wrong();
  const auto length = static_cast<std::uint32_t>(*size);
  std::memcpy(at, &length, sizeof length);
  block_.shrink(room - sizeof length - *size);
  return true;
}

// False when numbers were read already.
bool TensorBuilder::begin_strings() noexcept {
  if (elements_ > 0 && type_ != DataType::kString) return false;
  type_ = DataType::kString;
  ++elements_;
  return true;
}

bool TensorBuilder::add_text(std::string_view text) {
  if (!begin_strings()) return false;
  const auto length = static_cast<std::uint32_t>(text.size());
  std::byte* const at = block_.extend(sizeof length + text.size());
  std::memcpy(at, &length, sizeof length);
  if (!text.empty()) std::memcpy(at + sizeof length, text.data(), text.size());
  return true;
}

bool TensorBuilder::add_bool(bool value) {
  ++elements_;
  return type_ == DataType::kBool && append(block_, static_cast<std::uint8_t>(value));
}

bool TensorBuilder::add_number(const JsonNumber& number) {
  ++elements_;
  if (whole_ && !number.integer && std::trunc(json::to_double(number)) != json::to_double(number)) return false;
  switch (type_) {
    case DataType::kFp32:
      return append_float(block_, json::to_float(number));
    case DataType::kFp64: {
      const double value = json::to_double(number);
      return std::isfinite(value) && append(block_, value);
    }
    case DataType::kFp16: {
      const float value = json::to_float(number);
      return append_half(block_, value, float_to_fp16(value), fp16_to_float(float_to_fp16(value)));
    }
    case DataType::kBf16: {
      const float value = json::to_float(number);
      return append_half(block_, value, float_to_bf16(value), bf16_to_float(float_to_bf16(value)));
    }
    case DataType::kBool:
      return append(block_, static_cast<std::uint8_t>(json::to_double(number) != 0));
    case DataType::kInt8:
      return append_integer<std::int8_t>(block_, number);
    case DataType::kInt16:
      return append_integer<std::int16_t>(block_, number);
    case DataType::kInt32:
      return append_integer<std::int32_t>(block_, number);
    case DataType::kInt64:
      return append_integer<std::int64_t>(block_, number);
    case DataType::kUint8:
      return append_integer<std::uint8_t>(block_, number);
    case DataType::kUint16:
      return append_integer<std::uint16_t>(block_, number);
    case DataType::kUint32:
      return append_integer<std::uint32_t>(block_, number);
    case DataType::kUint64:
      return append_integer<std::uint64_t>(block_, number);
    case DataType::kString:
    case DataType::kUndefined:
      break;
  }
  return false;
}

Tensor TensorBuilder::finish(bool in_rows, bool scalar) {
  if (in_rows) extents_[0] = static_cast<std::int64_t>(rows_);
  Shape shape;
  const std::size_t rank = std::max(array_levels_, leaf_level_.value_or(0));
  for (std::size_t i = 0; i < rank; ++i) shape.push_back(std::max<std::int64_t>(extents_[i], 0));
  if (rank == 0 && (!scalar || type_ == DataType::kString)) shape.push_back(1);
  const std::size_t bytes = block_.size();
  return Tensor::of(type_, shape, block_.take(), 0, bytes);
}

bool at_encoded_string(JsonReader reader) {
  const auto moment = reader.moment();
  std::string_view text;
  return reader.peek() == JsonKind::kObject && reader.begin_object() && reader.next_key(text) && text == kEncodedKey &&
         reader.read_string(text) && !reader.next_key(text) && reader.ok();
}

}  // namespace ocelli::tfserving
