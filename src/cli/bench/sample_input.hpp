// SampleInput: made-up values for a model's inputs.
#pragma once

#include <vector>

#include "base/status.hpp"
#include "runtime/model_signature.hpp"
#include "tensor/tensor_view.hpp"

namespace ocelli::cli {

// One tensor per input, in the given order, the same at every call: numbers between 0 and 1 for floating point, 0 to 99
// for integers, short texts for strings. A dimension that may vary becomes its smallest allowed extent, at least 1.
// Errors: kInvalidArgument for an input of unknown rank.
Result<std::vector<Tensor>> sample_inputs(const std::vector<TensorSpec>& inputs);

}  // namespace ocelli::cli
