// TensorView: typed, shaped bytes that somebody else owns. Tensor: the same with a counted reference to its bytes.
#pragma once

#include <cstddef>
#include <utility>

#include "tensor/buffer.hpp"
#include "tensor/data_type.hpp"
#include "tensor/shape.hpp"

namespace ocelli {

// Dense, row-major, little-endian. For kString, data/bytes are the packed form of string_tensor.hpp. Whoever made the
// view keeps the bytes alive. An input's bytes are only read, though the pointer is not const, because the runtimes'
// interfaces take it so.
struct TensorView {
  DataType type = DataType::kUndefined;
  Shape shape;
  std::byte* data = nullptr;
  std::size_t bytes = 0;
};

// A view plus the reference that keeps its bytes alive. Copying shares the bytes.
struct Tensor {
  TensorView view;
  BufferRef owner;

  // A tensor of `bytes` bytes from `offset` on in a buffer.
  static Tensor of(DataType type, const Shape& shape, BufferRef buffer, std::size_t offset, std::size_t bytes) {
    Tensor tensor{{type, shape, buffer->data() + offset, bytes}, {}};
    tensor.owner = std::move(buffer);
    return tensor;
  }
};

}  // namespace ocelli
