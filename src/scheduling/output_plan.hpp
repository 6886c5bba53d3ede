// OutputPlan: what is known about a model's outputs before it runs, which decides where they are written.
#pragma once

#include <cstddef>
#include <vector>

#include "runtime/model_signature.hpp"
#include "tensor/tensor_view.hpp"

namespace ocelli::scheduling {

// One output. known = false: its shape shows only after the run, so the runtime keeps it and the result is copied out.
struct OutputPlan {
  DataType type = DataType::kUndefined;
  bool known = false;
  // Dimension 0 is the number of items; shape and bytes below are those of one item.
  bool per_item = false;
  // What the signature allows dimension 0 to be.
  Dimension allowed{};
  Shape shape;
  std::size_t bytes = 0;

  // Whether a run over so many items may write what view() says. The signature may know of a bound.
  [[nodiscard]] bool takes(std::size_t count) const noexcept {
    return known && (!per_item || allowed.accepts(static_cast<std::int64_t>(count)));
  }
  // The tensor that a run over `items` items writes. data is null.
  [[nodiscard]] TensorView view(std::size_t items) const noexcept {
    TensorView result{type, shape, nullptr, bytes};
    if (per_item) {
      result.shape[0] = static_cast<std::int64_t>(items);
      result.bytes *= items;
    }
    return result;
  }
};

// items_known: dimension 0 of every output is the number of items given, as runs have shown, and depends on nothing
// else (CompiledModel::shapes_follow_inputs). Without it an output whose first dimension is dynamic is not known.
std::vector<OutputPlan> plan_outputs(const ModelSignature& signature, bool items_known);

// True when only dimension 0 of the inputs varies, it is the batch dimension of every input, and every output could be
// split along it: the model may run several requests at once.
bool batch_is_first_dimension(const ModelSignature& signature) noexcept;

}  // namespace ocelli::scheduling
