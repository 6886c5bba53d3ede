#include "protocols/classification/classification.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <span>
#include <string>
#include <type_traits>

#include "protocols/json/packed_writer.hpp"
#include "tensor/half.hpp"

namespace ocelli::classification {
namespace {

// How many items the output holds, each of them a list of values.
struct Items {
  std::size_t count = 1;
  std::size_t values = 0;  // of each
  bool batched = false;
};

Items items_of(const serving::CallOutput& output, const serving::ServableMetadata& metadata, std::size_t elements) {
  const Shape& shape = output.tensor.view.shape;
  const auto spec = std::ranges::find_if(metadata.outputs, [&](const auto& each) { return each.name == output.name; });
  const auto axis = spec == metadata.outputs.end() ? std::optional<std::size_t>(0) : batch_axis(*spec);
  Items items{1, elements, shape.rank() > 1 && axis && *axis == 0};
  if (!items.batched) return items;
  items.count = static_cast<std::size_t>(shape[0]);
  items.values = items.count == 0 ? 0 : elements / items.count;
  return items;
}

struct Fp16 {
  std::uint16_t bits;
};
struct Bf16 {
  std::uint16_t bits;
};

// The value that is compared and shown.
template <typename T>
auto value_of(const std::byte* data, std::size_t index) noexcept {
  T element;
  std::memcpy(&element, data + index * sizeof element, sizeof element);
  if constexpr (std::is_same_v<T, Fp16>) {
    return fp16_to_float(element.bits);
  } else if constexpr (std::is_same_v<T, Bf16>) {
    return bf16_to_float(element.bits);
  } else {
    return element;
  }
}

template <typename Value>
bool goes_first(Value a, Value b) noexcept {
  if constexpr (std::is_floating_point_v<Value>) {
    if (std::isnan(a) || std::isnan(b)) return !std::isnan(a) && std::isnan(b);
  }
  return a > b;
}

// Appends the texts of one item.
template <typename T>
void write_item(const std::byte* data, std::span<std::uint32_t> order, std::size_t classes,
                json::PackedWriter& writer) {
  std::iota(order.begin(), order.end(), 0U);
  const auto end = order.begin() + static_cast<std::ptrdiff_t>(classes);
  std::partial_sort(order.begin(), end, order.end(), [data](std::uint32_t a, std::uint32_t b) {
    const auto left = value_of<T>(data, a);
    const auto right = value_of<T>(data, b);
    if (goes_first(left, right)) return true;
    return !goes_first(right, left) && a < b;
  });
  std::string text;
  for (auto at = order.begin(); at != end; ++at) {
    text = std::to_string(value_of<T>(data, *at));
    text.append(":").append(std::to_string(*at));
    writer.add(text);
  }
}

template <typename T>
Tensor largest(const serving::CallOutput& output, const Items& items, std::uint32_t wanted, ChargedPool pool) {
  const std::size_t classes = std::min<std::size_t>(wanted, items.values);
  const auto memory = pool.get(items.values * sizeof(std::uint32_t));
  const std::span order(reinterpret_cast<std::uint32_t*>(memory->data()), items.values);
  json::PackedWriter writer(pool);
  // Items without values cost their sender nothing, so that there may be any number of them.
  for (std::size_t item = 0; item < items.count && classes > 0; ++item)
    write_item<T>(output.tensor.view.data + item * items.values * sizeof(T), order, classes, writer);
  pool.drop(items.values * sizeof(std::uint32_t));
  Shape shape;
  if (items.batched) shape.push_back(static_cast<std::int64_t>(items.count));
  shape.push_back(static_cast<std::int64_t>(classes));
  const std::size_t size = writer.size();
  return Tensor::of(DataType::kString, shape, writer.take(), 0, size);
}

}  // namespace

Result<Tensor> classify(const serving::CallOutput& output, const serving::ServableMetadata& metadata,
                        std::uint32_t classes, ChargedPool pool) {
  const TensorView& view = output.tensor.view;
  const std::size_t element = element_size(view.type);
  if (element > 0 && view.bytes / element > kMostValues) {
    return invalid_argument(fmt::format("output {} has {} values; at most {} can be classified", output.name,
                                        view.bytes / element, kMostValues));
  }
  const Items items = element == 0 ? Items{} : items_of(output, metadata, view.bytes / element);
  switch (view.type) {
    case DataType::kInt8:
      return largest<std::int8_t>(output, items, classes, pool);
    case DataType::kInt16:
      return largest<std::int16_t>(output, items, classes, pool);
    case DataType::kInt32:
      return largest<std::int32_t>(output, items, classes, pool);
    case DataType::kInt64:
      return largest<std::int64_t>(output, items, classes, pool);
    case DataType::kUint8:
      return largest<std::uint8_t>(output, items, classes, pool);
    case DataType::kUint16:
      return largest<std::uint16_t>(output, items, classes, pool);
    case DataType::kUint32:
      return largest<std::uint32_t>(output, items, classes, pool);
    case DataType::kUint64:
      return largest<std::uint64_t>(output, items, classes, pool);
    case DataType::kFp16:
      return largest<Fp16>(output, items, classes, pool);
    case DataType::kBf16:
      return largest<Bf16>(output, items, classes, pool);
    case DataType::kFp32:
      return largest<float>(output, items, classes, pool);
    case DataType::kFp64:
      return largest<double>(output, items, classes, pool);
    case DataType::kBool:
    case DataType::kString:
    case DataType::kUndefined:
      break;
  }
  return invalid_argument(fmt::format("Classification - Expected: an output of numbers; Actual: {}; output name: {}",
                                      kserve_name(view.type), output.name));
}

}  // namespace ocelli::classification
