#include "scheduling/synthetic_batch.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "tensor/half.hpp"

namespace ocelli::scheduling {
namespace {

// xorshift64* (Vigna 2016): small, repeatable, good enough for made-up pixels.
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(seed * 0x9E3779B97F4A7C15u + 1) {}
  std::uint32_t next() noexcept {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return static_cast<std::uint32_t>((state_ * 0x2545F4914F6CDD1Du) >> 32);
  }

 private:
  std::uint64_t state_;
};

template <typename T>
void put(std::byte* at, T value) noexcept {
  std::memcpy(at, &value, sizeof value);
}

void put_random(DataType type, std::byte* at, std::uint32_t random) noexcept {
  const double unit = random / 4294967296.0;
  switch (type) {
    case DataType::kFp32:
      return put(at, static_cast<float>(unit));
    case DataType::kFp64:
      return put(at, unit);
    case DataType::kFp16:
      return put(at, static_cast<std::uint16_t>(0x3800u | (random & 0x3FFu)));  // [0.5, 1)
    case DataType::kBf16:
      return put(at, static_cast<std::uint16_t>(0x3F00u | (random & 0x7Fu)));  // [0.5, 1)
    case DataType::kUint8:
    case DataType::kInt8:
      return put(at, static_cast<std::uint8_t>(random));
    default: {
      const std::uint64_t bit = random & 1u;
      std::memcpy(at, &bit, element_size(type));  // little-endian
    }
  }
}

template <typename T>
double get(const std::byte* at) noexcept {
  T value;
  std::memcpy(&value, at, sizeof value);
  return static_cast<double>(value);
}

double value_at(const TensorView& view, std::size_t index) noexcept {
  const auto* at = view.data + index * element_size(view.type);
  switch (view.type) {
    case DataType::kFp32:
      return get<float>(at);
    case DataType::kFp64:
      return get<double>(at);
    case DataType::kInt8:
      return get<std::int8_t>(at);
    case DataType::kInt16:
      return get<std::int16_t>(at);
    case DataType::kInt32:
      return get<std::int32_t>(at);
    case DataType::kInt64:
      return get<std::int64_t>(at);
    case DataType::kUint16:
      return get<std::uint16_t>(at);
    case DataType::kUint32:
      return get<std::uint32_t>(at);
    case DataType::kUint64:
      return get<std::uint64_t>(at);
    case DataType::kFp16:
      return fp16_to_float(static_cast<std::uint16_t>(get<std::uint16_t>(at)));
    case DataType::kBf16: {
      const auto bits = static_cast<std::uint32_t>(get<std::uint16_t>(at)) << 16;
      float value;
      std::memcpy(&value, &bits, sizeof value);
      return value;
    }
    default:
      return get<std::uint8_t>(at);
  }
}

bool is_floating(DataType type) noexcept {
  return type == DataType::kFp32 || type == DataType::kFp64 || type == DataType::kFp16 || type == DataType::kBf16;
}

}  // namespace

bool SyntheticBatch::possible(const ModelSignature& signature) noexcept {
  return !signature.inputs.empty() && std::ranges::all_of(signature.inputs, [](const TensorSpec& input) {
    const auto& dims = input.shape.dims;
    return element_size(input.type) > 0 && input.shape.rank_known && dims.size() <= Shape::kMaxRank &&
           (dims.empty() ||
            std::all_of(dims.begin() + 1, dims.end(), [](const Dimension& dim) { return dim.is_static(); }));
  });
}

SyntheticBatch::SyntheticBatch(const ModelSignature& signature, std::uint32_t items, bool per_item) : items_(items) {
  for (const auto& input : signature.inputs) {
    Shape shape;
    for (const auto& dim : input.shape.dims) shape.push_back(dim.min);
    if (shape.rank() > 0 && (per_item || !input.shape.dims[0].is_static())) shape[0] = items;
    const std::size_t size = element_size(input.type);
    const std::size_t count = shape.element_count().value_or(0);
    auto tensor = Tensor::of(input.type, shape, Buffer::allocate(count * size), 0, count * size);
    const std::size_t per = items > 0 ? std::max<std::size_t>(1, count / items) : count;
    for (std::size_t begin = 0, index = 1; begin < count; begin += per, ++index) {
      Random random(index);
      for (std::size_t i = begin; i < std::min(count, begin + per); ++i)
        put_random(input.type, tensor.view.data + i * size, random.next());
    }
    inputs_.push_back(tensor.view);
    tensors_.push_back(std::move(tensor));
  }
}

std::vector<TensorView> SyntheticBatch::item(std::uint32_t index) const {
  std::vector<TensorView> views = inputs_;
  for (auto& view : views) {
    view.shape[0] = 1;
    view.bytes /= items_;
    view.data += view.bytes * index;
  }
  return views;
}

std::size_t SyntheticBatch::bytes() const noexcept {
  std::size_t sum = 0;
  for (const auto& input : inputs_) sum += input.bytes;
  return sum;
}

Status SyntheticBatch::bind(InferRequest& request, const std::vector<TensorView>& inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (auto status = request.set_input(i, inputs[i]); !status.ok()) return status;
  }
  return {};
}

double relative_difference(const TensorView& reference, const TensorView& other) noexcept {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto size = element_size(reference.type);
  if (size == 0 || reference.type != other.type || reference.bytes != other.bytes) return kInfinity;
  const bool exact = !is_floating(reference.type);  // an index that is nearly right is wrong
  double largest = 1e-6;
  double difference = 0;
  for (std::size_t i = 0; i < reference.bytes / size; ++i) {
    const double a = value_at(reference, i);
    const double b = value_at(other, i);
    if (std::isnan(a) != std::isnan(b)) return kInfinity;
    if (std::isnan(a)) continue;
    if (a != b && (exact || std::isinf(a) || std::isinf(b))) return kInfinity;
    if (std::isinf(a)) continue;  // says nothing of how large the others are
    largest = std::max(largest, std::abs(a));
    difference = std::max(difference, std::abs(a - b));
  }
  return difference == 0 ? 0 : difference / largest;
}

}  // namespace ocelli::scheduling
