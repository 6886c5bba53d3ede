// OnnxSummary: what an ONNX file says about itself and ONNX Runtime's interface does not tell.
#pragma once

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ocelli::onnx_file {

// One dimension of a graph input: a fixed extent, or the name of an open one (empty when it has none).
struct OnnxDimension {
  std::optional<std::int64_t> extent;
  std::string name;
};

struct OnnxSummary {
  // Graph inputs that are tensors with a known rank.
  std::map<std::string, std::vector<OnnxDimension>> inputs;
  // How often each operator occurs in the main graph.
  std::map<std::string, std::uint32_t> operators;
  // Bytes of weights in the main graph by ONNX element type number (1 FLOAT, 3 INT8, 10 FLOAT16, ...; onnx.proto3,
  // TensorProto.DataType).
  std::map<std::int64_t, std::uint64_t> weight_bytes;

  // True when the model multiplies in INT8: quantized operators, or weights between QuantizeLinear and
  // DequantizeLinear.
  [[nodiscard]] bool is_quantized() const;
  // True when most of its floating-point weights are FP16.
  [[nodiscard]] bool is_half() const;
};

// Walks the file without reading its weights. Empty when it is not an ONNX file or is cut off. Thread-safe.
std::optional<OnnxSummary> summarize_onnx(const std::filesystem::path& path);
// The same of a stream that can be sought in.
std::optional<OnnxSummary> summarize_onnx(std::istream& file);

}  // namespace ocelli::onnx_file
