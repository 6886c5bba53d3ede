// Splitting a tensor along its first dimension, and putting parts together again.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/status.hpp"
#include "tensor/buffer_pool.hpp"
#include "tensor/tensor_view.hpp"

namespace ocelli::serving {

// Part `index` of a tensor of numbers of rank 1 at least, without its first dimension; points into the whole. index <
// shape[0].
TensorView tensor_part(const TensorView& whole, std::size_t index) noexcept;

// Strings have lengths of their own, so their parts must be found first: where each part of a packed tensor of rank 1
// at least begins, in bytes, and behind the last one the end. Errors: kInvalidArgument when the lengths do not fit the
// tensor.
Result<std::vector<std::size_t>> string_part_offsets(const TensorView& whole);
// As tensor_part(), for strings.
TensorView string_part(const TensorView& whole, std::span<const std::size_t> offsets, std::size_t index) noexcept;

// The parts, in row-major order of `leading`, behind one another, with `leading` in front of their common shape. The
// product of leading is the number of parts, at least one. Errors: kInvalidArgument when shapes or types differ.
Result<Tensor> join_parts(std::span<const TensorView> parts, const Shape& leading, BufferPool& pool);

}  // namespace ocelli::serving
