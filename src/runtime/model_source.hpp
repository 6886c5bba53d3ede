// ModelSource: which file, in which format.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace ocelli {

// File formats of models.
enum class ModelFormat : std::uint8_t { kOpenvinoIr, kOnnx, kPaddle, kTensorflow, kTflite, kArmnn };

// "OpenVINO IR", "ONNX", ... for messages.
std::string_view model_format_name(ModelFormat format) noexcept;

// path: the .xml (its .bin beside it), .onnx, .pdmodel (its .pdiparams beside it), frozen .pb or SavedModel folder,
// .tflite, .armnn.
struct ModelSource {
  ModelFormat format = ModelFormat::kOpenvinoIr;
  std::filesystem::path path;
};

}  // namespace ocelli
