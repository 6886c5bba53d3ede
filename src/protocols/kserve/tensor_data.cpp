#include "protocols/kserve/tensor_data.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "protocols/json/packed_writer.hpp"
#include "protocols/json/value_text.hpp"

namespace ocelli::kserve {
namespace {

using json::JsonKind;
using json::JsonNumber;
using json::JsonReader;
using json::NumberRun;

constexpr std::string_view kNotArray = "Could not parse input content. Not valid ndarray detected";

// Calls leaf() at each element that is no array, or store() when it is a number. leaf() reads the element.
template <typename Store, typename Leaf>
bool walk_elements(JsonReader& reader, Store& store, Leaf& leaf) {
  if (!reader.begin_array()) return false;
  for (;;) {
    const NumberRun run = reader.read_numbers(store);
    if (run != NumberRun::kOther) return run == NumberRun::kArrayEnd;
    const bool nested = reader.peek() == JsonKind::kArray;
    if (!(nested ? walk_elements(reader, store, leaf) : leaf())) return false;
  }
}

// Whether the number is a T; it is converted by the rules of its kind.
template <typename T>
bool convert(const JsonNumber& number, T& value) noexcept {
  if constexpr (std::is_same_v<T, float>) {
    value = json::to_float(number);
    return std::isfinite(value);
  } else if constexpr (std::is_same_v<T, double>) {
    value = json::to_double(number);
    return std::isfinite(value);
  } else if constexpr (std::is_unsigned_v<T>) {
    const auto wide = json::to_uint64(number);
    value = static_cast<T>(wide.value_or(0));
    return wide && *wide <= std::numeric_limits<T>::max();
  } else {
    const auto wide = json::to_int64(number);
    value = static_cast<T>(wide.value_or(0));
    return wide && *wide >= std::numeric_limits<T>::min() && *wide <= std::numeric_limits<T>::max();
  }
}

// Every element but the last takes two bytes of text at least, so a shape that promises more than the text can hold
// claims no memory.
std::size_t room_for(std::size_t elements, std::size_t text_bytes) noexcept {
  return std::min(elements, text_bytes / 2 + 1);
}

struct Target {
  DataType type;
  const Shape& shape;
  std::size_t elements;
  ChargedPool pool;
  serving::CallInput& input;
};

// All elements were read, and there are not as many as the shape says. What the model takes is not known here, and may
// be told first.
Status wrong_count(const Target& target, std::size_t actual) {
  target.input.tensor.view = {target.type, target.shape, nullptr, 0};
  target.input.fault = invalid_argument(fmt::format(
      "Invalid number of values in tensor proto container - Expected: {} values; Actual: {} values; input name: {}",
      target.elements, actual, target.input.name));
  return {};
}

// element: where in the data, counted row by row from 0.
Status wrong_value(const Target& target, std::string_view actual, std::size_t element) {
  return invalid_argument(fmt::format("{} - Expected: {} values; Actual: {} at element {}; input name: {}", kNotArray,
                                      kserve_name(target.type), actual, element, target.input.name));
}

// The walk ended at something that cannot be there. element: as many as were read.
Status wrong_kind(const Target& target, const JsonReader& reader, std::size_t element) {
  return wrong_value(target, json::value_text(reader), element);
}

// Finds the first number that is no T by a second walk; the first one, which has to be fast, only sees that there is
// one.
template <typename T>
Status first_wrong_number(JsonReader reader, const Target& target) {
  std::size_t count = 0;
  Status status;
  auto store = [&](const JsonNumber& number) {
    T value{};
    if (status.ok() && !convert(number, value)) status = wrong_value(target, json::number_text(number), count);
    ++count;
  };
  auto leaf = [] { return false; };
  walk_elements(reader, store, leaf);
  return status;
}

template <typename T>
Status read_numbers(JsonReader& reader, const Target& target) {
  const JsonReader start = reader;
  const std::size_t room = room_for(target.elements, reader.remaining());
  BufferRef buffer = target.pool.get(room * sizeof(T));
  std::byte* const out = buffer->data();
  std::size_t count = 0;
  bool valid = true;
  auto store = [&](const JsonNumber& number) {
    T value{};
    valid &= convert(number, value);
    if (count < room) std::memcpy(out + count * sizeof(T), &value, sizeof(T));
    ++count;
  };
  auto leaf = [&] {
    JsonNumber number;
    return reader.read_number(number);  // fails: a number would have been taken by store
  };
  if (!walk_elements(reader, store, leaf)) return wrong_kind(target, reader, count);
  if (!valid) return first_wrong_number<T>(start, target);
  if (count != target.elements) return wrong_count(target, count);
  target.input.tensor = Tensor::of(target.type, target.shape, std::move(buffer), 0, count * sizeof(T));
  return {};
}

// Walks data whose elements are no numbers. leaf() reads one and counts it.
template <typename Leaf>
Status read_others(JsonReader& reader, const Target& target, const std::size_t& count, Leaf& leaf) {
  Status status;
  auto store = [&](const JsonNumber& number) {
    if (status.ok()) status = wrong_value(target, json::number_text(number), count);
  };
  if (!walk_elements(reader, store, leaf)) return wrong_kind(target, reader, count);
  return status;
}

Status read_bools(JsonReader& reader, const Target& target) {
  const std::size_t room = room_for(target.elements, reader.remaining());
  BufferRef buffer = target.pool.get(room);
  std::size_t count = 0;
  auto leaf = [&] {
    bool value = false;
    if (!reader.read_bool(value)) return false;
    if (count < room) buffer->data()[count] = std::byte{value};
    ++count;
    return true;
  };
  if (auto status = read_others(reader, target, count, leaf); !status.ok()) return status;
  if (count != target.elements) return wrong_count(target, count);
  target.input.tensor = Tensor::of(target.type, target.shape, std::move(buffer), 0, count);
  return {};
}

Status read_texts(JsonReader& reader, const Target& target) {
  json::PackedWriter packed(target.pool);
  std::size_t count = 0;
  auto leaf = [&] {
    std::string_view text;
    if (!reader.read_string(text)) return false;
    packed.add(text);
    reader.forget(text);
    ++count;
    return true;
  };
  if (auto status = read_others(reader, target, count, leaf); !status.ok()) return status;
  if (count != target.elements) return wrong_count(target, count);
  const std::size_t size = packed.size();
  target.input.tensor = Tensor::of(target.type, target.shape, packed.take(), 0, size);
  return {};
}

Status read_typed(JsonReader& reader, const Target& target) {
  switch (target.type) {
    case DataType::kBool:
      return read_bools(reader, target);
    case DataType::kInt8:
      return read_numbers<std::int8_t>(reader, target);
    case DataType::kInt16:
      return read_numbers<std::int16_t>(reader, target);
    case DataType::kInt32:
      return read_numbers<std::int32_t>(reader, target);
    case DataType::kInt64:
      return read_numbers<std::int64_t>(reader, target);
    case DataType::kUint8:
      return read_numbers<std::uint8_t>(reader, target);
    case DataType::kUint16:
      return read_numbers<std::uint16_t>(reader, target);
    case DataType::kUint32:
      return read_numbers<std::uint32_t>(reader, target);
    case DataType::kUint64:
      return read_numbers<std::uint64_t>(reader, target);
    case DataType::kFp32:
      return read_numbers<float>(reader, target);
    case DataType::kFp64:
      return read_numbers<double>(reader, target);
    case DataType::kString:
      return read_texts(reader, target);
    case DataType::kFp16:
    case DataType::kBf16:
    case DataType::kUndefined:
      break;
  }
  return invalid_argument(fmt::format(
      "Could not parse input content. Unsupported data precision detected - Expected: binary data; Actual: {} in JSON; "
      "input name: {}",
      kserve_name(target.type), target.input.name));
}

}  // namespace

Status read_tensor_data(JsonReader& reader, DataType type, const Shape& shape, ChargedPool pool,
                        serving::CallInput& input) {
  if (reader.peek() != JsonKind::kArray && reader.peek() != JsonKind::kInvalid) {
    return invalid_argument(fmt::format("{} - Expected: data as an array; Actual: {}; input name: {}", kNotArray,
                                        json::value_text(reader), input.name));
  }
  const auto elements = shape.element_count();
  if (!elements)
    return invalid_argument(fmt::format("Invalid input shape - Actual: {}, too many elements; input name: {}",
                                        shape.to_string(), input.name));
  return read_typed(reader, {type, shape, *elements, pool, input});
}

}  // namespace ocelli::kserve
