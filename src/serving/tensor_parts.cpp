#include "serving/tensor_parts.hpp"

#include <fmt/format.h>

#include <cstring>

namespace ocelli::serving {

TensorView tensor_part(const TensorView& whole, std::size_t index) noexcept {
  TensorView part{whole.type, Shape(whole.shape.dims().subspan(1)), whole.data,
                  whole.bytes / static_cast<std::size_t>(whole.shape[0])};
  part.data += index * part.bytes;
  return part;
}

Result<Tensor> join_parts(std::span<const TensorView> parts, const Shape& leading, BufferPool& pool) {
  const auto& first = parts.front();
  if (first.type == DataType::kString && parts.size() > 1) return invalid_argument("string tensors cannot be gathered");
  if (leading.rank() + first.shape.rank() > Shape::kMaxRank)
    return invalid_argument("a gathered tensor has too many dimensions");
  Shape shape = leading;
  for (const auto dim : first.shape.dims()) shape.push_back(dim);
  const std::size_t bytes = first.bytes * parts.size();
  auto joined = Tensor::of(first.type, shape, pool.get(bytes), 0, bytes);
  auto* at = joined.view.data;
  for (const auto& part : parts) {
    if (part.type != first.type || !(part.shape == first.shape)) {
      return invalid_argument(fmt::format("parts to be gathered differ in shape - Expected: {}; Actual: {}",
                                          first.shape.to_string(), part.shape.to_string()));
    }
    if (part.bytes != 0) std::memcpy(at, part.data, part.bytes);
    at += part.bytes;
  }
  return joined;
}

}  // namespace ocelli::serving
