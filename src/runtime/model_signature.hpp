// ModelSignature: the tensors that a model takes and gives.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/data_type.hpp"
#include "tensor/shape.hpp"

namespace ocelli {

// One input or output. name is unique within its list; a tensor without a name in the file gets one made up by the
// backend.
struct TensorSpec {
  std::string name;
  DataType type = DataType::kUndefined;
  PartialShape shape;
  // Dimension letters as OpenVINO writes them ("NCHW", "N...", "N?HWC"); empty when unknown.
  std::string layout;
};

// Inputs and outputs in the model's own order; their positions are the indexes that InferRequest takes.
struct ModelSignature {
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> outputs;
};

// Position of the batch dimension by the layout's 'N' (0 when the layout is empty or begins with "N"); empty for
// scalars and for layouts without 'N'.
std::optional<std::size_t> batch_axis(const TensorSpec& spec) noexcept;

}  // namespace ocelli
