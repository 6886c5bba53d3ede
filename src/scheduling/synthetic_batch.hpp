// SyntheticBatch: made-up inputs for a model, to warm it up and to measure it before clients come.
#pragma once

#include <cstdint>
#include <vector>

#include "base/status.hpp"
#include "runtime/infer_request.hpp"
#include "runtime/model_signature.hpp"
#include "tensor/tensor_view.hpp"

namespace ocelli::scheduling {

// Random but repeatable values: floats in [0, 1), bytes over their whole range, integers 0 or 1 (they are often
// indexes). Item i has the same values whatever the size of the batch, so that an item's results alone and in company
// can be compared.
class SyntheticBatch {
 public:
  // True when every input has a fixed type and at most its first dimension varies.
  static bool possible(const ModelSignature& signature) noexcept;

  // items: extent of the first dimension where it is dynamic, or where per_item is set (a model compiled for a batch of
  // 1, whose other forms take more); otherwise the signature's own extents are used. Throws std::bad_alloc.
  SyntheticBatch(const ModelSignature& signature, std::uint32_t items, bool per_item);

  // Item `index` of this batch alone; for per-item batches.
  [[nodiscard]] std::vector<TensorView> item(std::uint32_t index) const;
  [[nodiscard]] const std::vector<TensorView>& inputs() const noexcept { return inputs_; }
  // Of all inputs together.
  [[nodiscard]] std::size_t bytes() const noexcept;
  Status bind(InferRequest& request) const { return bind(request, inputs_); }
  static Status bind(InferRequest& request, const std::vector<TensorView>& inputs);

 private:
  std::uint32_t items_;
  std::vector<Tensor> tensors_;
  std::vector<TensorView> inputs_;
};

// Largest absolute difference of two equally long numeric tensors, divided by the largest finite magnitude in the first
// (1e-6 at least). Infinity when types or sizes differ, where exactly one of two values is not a number, where one is
// infinite and the other is not the same, and for integers that are not equal.
double relative_difference(const TensorView& reference, const TensorView& other) noexcept;

}  // namespace ocelli::scheduling
