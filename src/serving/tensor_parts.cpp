#include "serving/tensor_parts.hpp"

#include <fmt/format.h>

#include <cstring>

#include "tensor/string_tensor.hpp"

namespace ocelli::serving {

TensorView tensor_part(const TensorView& whole, std::size_t index) noexcept {
  TensorView part{whole.type, Shape(whole.shape.dims().subspan(1)), whole.data,
                  whole.bytes / static_cast<std::size_t>(whole.shape[0])};
  part.data += index * part.bytes;
  return part;
}

Result<std::vector<std::size_t>> string_part_offsets(const TensorView& whole) {
  const auto parts = static_cast<std::size_t>(whole.shape[0]);
  const auto elements = unpack_strings({whole.data, whole.bytes}, whole.shape.element_count().value_or(kAnyCount));
  if (!elements.ok()) return elements.status();
  std::vector<std::size_t> offsets{0};
  offsets.reserve(parts + 1);
  const std::size_t each = parts == 0 ? 0 : elements->size() / parts;
  for (std::size_t part = 0; part < parts; ++part)
    offsets.push_back(offsets.back() + packed_size(std::span(*elements).subspan(part * each, each)));
  return offsets;
}

TensorView string_part(const TensorView& whole, std::span<const std::size_t> offsets, std::size_t index) noexcept {
  return {whole.type, Shape(whole.shape.dims().subspan(1)), whole.data + offsets[index],
          offsets[index + 1] - offsets[index]};
}

Result<Tensor> join_parts(std::span<const TensorView> parts, const Shape& leading, BufferPool& pool) {
  const auto& first = parts.front();
  if (leading.rank() + first.shape.rank() > Shape::kMaxRank)
    return invalid_argument("a gathered tensor has too many dimensions");
  Shape shape = leading;
  for (const auto dim : first.shape.dims()) shape.push_back(dim);
  std::size_t bytes = 0;
  for (const auto& part : parts) bytes += part.bytes;
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
