// For backends whose runtime cannot build anything into a model in front of its inputs.
#pragma once

#include <string_view>

#include "base/status.hpp"
#include "runtime/compile_options.hpp"
#include "runtime/model_signature.hpp"

namespace ocelli {

// kInvalidArgument naming the first of: a change of layout, mean, scale, color_format, precision. A layout that only
// names dimensions is fine. runtime stands in the message ("ONNX Runtime").
Status check_preprocessing(const PreprocessOptions& options, std::string_view runtime);

// Writes the layouts that options name into the signature's tensors; the name "" stands for the only input.
void name_layouts(const PreprocessOptions& options, ModelSignature& signature);

}  // namespace ocelli
