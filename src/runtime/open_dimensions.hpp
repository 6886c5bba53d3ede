// Whether a model's inputs may come in different shapes.
#pragma once

#include <algorithm>

#include "runtime/model_signature.hpp"

namespace ocelli {

// Of any input.
inline bool has_open_dimensions(const ModelSignature& signature) noexcept {
  return std::ranges::any_of(signature.inputs, [](const TensorSpec& input) { return !input.shape.is_static(); });
}

}  // namespace ocelli
