// ModelSummary: what a .tflite or .armnn file says about itself that ARM NN's readers do not pass on.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/model_source.hpp"

namespace ocelli::arm_nn {

struct ModelSummary {
  struct Port {
    std::string name;
    bool is_scalar = false;  // ARM NN makes it a tensor of one element
    bool is_open = false;    // the file leaves a dimension open; ARM NN takes the extent written for it
    std::string type;        // as TensorFlow Lite names it ("INT64"); empty for .armnn
  };
  std::vector<Port> inputs;
  std::vector<Port> outputs;
  bool has_quantized = false;  // tensors of 8 or 16 bits with a scale
  bool has_half = false;       // FP16 tensors
  // A .tflite's tensor of 8 bits that has no scale: ARM NN 20.08 crashes when it reads one. Empty: none.
  std::string tensor_without_scale;
};

// Empty when the file's skeleton cannot be read. Only the first graph of a .tflite is described: it is the one that
// runs. Never throws but std::bad_alloc.
std::optional<ModelSummary> summarize(ModelFormat format, std::span<const std::byte> file);

}  // namespace ocelli::arm_nn
