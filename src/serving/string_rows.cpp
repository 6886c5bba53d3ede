#include "serving/string_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "serving/request_validation.hpp"
#include "tensor/string_tensor.hpp"

namespace ocelli::serving {

bool takes_string_rows(const TensorSpec& spec) noexcept {
  return spec.type == DataType::kUint8 && spec.shape.rank_known && spec.shape.dims.size() == 2;
}

Status check_row_bytes(std::string_view name, std::size_t rows, std::size_t width) {
  if (rows == 0 || width <= kMaxStringRowBytes / rows) return {};
  return invalid_argument(
      fmt::format("String tensor is too large as an array - Limit: {} bytes; Actual: {} x {} bytes; input name: {}",
                  kMaxStringRowBytes, rows, width, name));
}

Result<Tensor> strings_to_rows(std::string_view name, const TensorSpec& spec, const TensorView& texts,
                               ChargedPool pool) {
  if (auto status = validate_list(name, spec, texts.shape); !status.ok()) return status;
  const auto& dims = spec.shape.dims;
  const auto elements = unpack_strings({texts.data, texts.bytes}, static_cast<std::size_t>(texts.shape[0]));
  if (!elements.ok()) return wrong_packing(name, static_cast<std::size_t>(texts.shape[0]), elements.status().message());
  std::size_t width = 1;
  for (const auto text : *elements) width = std::max(width, text.size() + 1);
  width = std::max(width, static_cast<std::size_t>(std::max<std::int64_t>(dims[1].min, 0)));
  const std::size_t rows = elements->size();
  if (auto status = check_row_bytes(name, rows, width); !status.ok()) return status;
  const Shape shape{static_cast<std::int64_t>(rows), static_cast<std::int64_t>(width)};
  if (!spec.shape.accepts(shape)) return wrong_shape(name, spec.shape, shape);
  auto tensor = Tensor::of(DataType::kUint8, shape, pool.get(rows * width), 0, rows * width);
  auto* row = tensor.view.data;
  for (const auto text : *elements) {
    if (!text.empty()) std::memcpy(row, text.data(), text.size());
    std::memset(row + text.size(), 0, width - text.size());
    row += width;
  }
  return tensor;
}

Result<Tensor> rows_to_strings(std::string_view name, const TensorView& rows, BufferPool& pool) {
  const auto count = static_cast<std::size_t>(rows.shape[0]);
  // Rows without bytes cost their sender nothing.
  if (count > kMaxStringRowBytes / sizeof(std::uint32_t)) {
    return invalid_argument(fmt::format("Too many rows to be given as strings - Limit: {}; Actual: {}; output name: {}",
                                        kMaxStringRowBytes / sizeof(std::uint32_t), count, name));
  }
  const auto width = static_cast<std::size_t>(rows.shape[1]);
  const auto length_of = [&](std::size_t row) -> std::uint32_t {
    const auto* begin = rows.data + row * width;
    return static_cast<std::uint32_t>(std::find(begin, begin + width, std::byte{0}) - begin);
  };
  std::size_t bytes = 0;
  for (std::size_t row = 0; row < count; ++row) bytes += sizeof(std::uint32_t) + length_of(row);
  auto tensor = Tensor::of(DataType::kString, Shape{rows.shape[0]}, pool.get(bytes), 0, bytes);
  auto* at = tensor.view.data;
  for (std::size_t row = 0; row < count; ++row) {
    const auto length = length_of(row);
    std::memcpy(at, &length, sizeof length);
    at += sizeof length;
    if (length != 0) std::memcpy(at, rows.data + row * width, length);
    at += length;
  }
  return tensor;
}

}  // namespace ocelli::serving
