#include "cli/bench/sample_input.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <string_view>

#include "tensor/string_tensor.hpp"

namespace ocelli::cli {
namespace {

using Random = std::mt19937;
constexpr std::uint32_t kSeed = 42;

template <typename Number, typename Distribution>
void fill(std::byte* data, std::size_t count, Random& random, Distribution distribution) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto value = static_cast<Number>(distribution(random));
    std::memcpy(data + i * sizeof(Number), &value, sizeof(Number));
  }
}

// Halves of the 32-bit pattern that both 16-bit formats can share would not be the same number, so each is made by its
// own rule.
std::uint16_t half_of(float value, DataType type) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  if (type == DataType::kBf16) return static_cast<std::uint16_t>(bits >> 16);
  const auto exponent = static_cast<std::int32_t>((bits >> 23) & 0xff) - 127 + 15;
  if (exponent <= 0) return 0;  // tiny numbers become zero
  return static_cast<std::uint16_t>((exponent << 10) | ((bits >> 13) & 0x3ff));
}

void fill_numbers(DataType type, std::byte* data, std::size_t count, Random& random) {
  const std::uniform_real_distribution<double> unit(0, 1);
  const std::uniform_int_distribution<int> whole(0, 99);
  switch (type) {
    case DataType::kFp32:
      fill<float>(data, count, random, unit);
      break;
    case DataType::kFp64:
      fill<double>(data, count, random, unit);
      break;
    case DataType::kFp16:
    case DataType::kBf16:
      fill<std::uint16_t>(data, count, random, [&](Random& source) {
        return half_of(static_cast<float>(std::uniform_real_distribution<double>(0, 1)(source)), type);
      });
      break;
    case DataType::kBool:
      fill<std::uint8_t>(data, count, random, std::uniform_int_distribution<int>(0, 1));
      break;
    case DataType::kInt16:
    case DataType::kUint16:
      fill<std::uint16_t>(data, count, random, whole);
      break;
    case DataType::kInt32:
    case DataType::kUint32:
      fill<std::uint32_t>(data, count, random, whole);
      break;
    case DataType::kInt64:
    case DataType::kUint64:
      fill<std::uint64_t>(data, count, random, whole);
      break;
    default:
      fill<std::uint8_t>(data, count, random, whole);
      break;
  }
}

}  // namespace

Result<std::vector<Tensor>> sample_inputs(const std::vector<TensorSpec>& inputs) {
  Random random(kSeed);
  std::vector<Tensor> tensors;
  for (const auto& input : inputs) {
    if (!input.shape.rank_known) {
      return invalid_argument(fmt::format("input {} has no known rank: give its shape with --shape", input.name));
    }
    Shape shape;
    for (const auto& dimension : input.shape.dims) shape.push_back(std::max<std::int64_t>(1, dimension.min));
    const auto count = shape.element_count();
    if (!count) return invalid_argument(fmt::format("input {} is too large: {}", input.name, shape.to_string()));
    if (input.type == DataType::kString) {
      const std::vector<std::string_view> texts(*count, "ocelli");
      auto buffer = Buffer::allocate(packed_size(texts));
      pack_strings(texts, buffer->data());
      tensors.push_back(Tensor::of(input.type, shape, buffer, 0, buffer->size()));
      continue;
    }
    const auto bytes = *count * element_size(input.type);
    auto buffer = Buffer::allocate(bytes);
    fill_numbers(input.type, buffer->data(), *count, random);
    tensors.push_back(Tensor::of(input.type, shape, buffer, 0, bytes));
  }
  return tensors;
}

}  // namespace ocelli::cli
