#include "runtime/model_signature.hpp"

#include <array>

#include "runtime/model_source.hpp"

namespace ocelli {

std::optional<std::size_t> batch_axis(const TensorSpec& spec) noexcept {
  if (spec.shape.rank_known && spec.shape.dims.empty()) return std::nullopt;
  if (spec.layout.empty()) return 0;
  const auto position = spec.layout.find('N');
  if (position == std::string::npos) return std::nullopt;
  // "...N" counts from the end: such layouts are never batched.
  if (spec.layout.find("...") < position) return std::nullopt;
  return position;
}

std::string_view model_format_name(ModelFormat format) noexcept {
  static constexpr std::array<std::string_view, 6> kNames{"OpenVINO IR",     "ONNX",  "PaddlePaddle", "TensorFlow",
                                                          "TensorFlow Lite", "ARM NN"};
  return kNames[static_cast<std::size_t>(format)];
}

}  // namespace ocelli
