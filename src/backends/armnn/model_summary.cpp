#include "backends/armnn/model_summary.hpp"

#include <array>
#include <string_view>

#include "backends/armnn/flatbuffer_table.hpp"

namespace ocelli::arm_nn {
namespace {

// Field numbers of TensorFlow Lite's schema (schema.fbs, version 3).
namespace tflite {
constexpr std::size_t kModelSubgraphs = 2;
constexpr std::size_t kGraphTensors = 0;
constexpr std::size_t kGraphInputs = 1;
constexpr std::size_t kGraphOutputs = 2;
constexpr std::size_t kTensorShape = 0;
constexpr std::size_t kTensorType = 1;
constexpr std::size_t kTensorName = 3;
constexpr std::size_t kTensorQuantization = 4;
constexpr std::size_t kTensorShapeSignature = 7;
constexpr std::size_t kQuantizationScale = 2;
constexpr std::array<const char*, 16> kTypes{"FLOAT32", "FLOAT16",  "INT32",   "UINT8", "INT64", "STRING",
                                             "BOOL",    "INT16",    "COMPLEX", "INT8",  "FP64",  "COMPLEX128",
                                             "UINT64",  "RESOURCE", "VARIANT", "UINT32"};
constexpr std::string_view kHalf = "FLOAT16";
}  // namespace tflite

// Field numbers and values of ARM NN's schema (ArmnnSchema.fbs).
namespace serialized {
constexpr std::size_t kGraphLayers = 0;
constexpr std::size_t kAnyLayerType = 0;
constexpr std::size_t kAnyLayer = 1;
constexpr std::size_t kLayerBase = 0;
constexpr std::size_t kBaseName = 1;
constexpr std::size_t kBaseOutputs = 4;
constexpr std::size_t kSlotInfo = 1;
constexpr std::size_t kInfoType = 1;
constexpr std::uint8_t kInputLayer = 9;
constexpr std::uint8_t kOutputLayer = 11;
constexpr std::int8_t kFloat16 = 0;
constexpr std::array<std::int8_t, 6> kQuantized{2, 5, 6, 7, 8, 9};
}  // namespace serialized

// More inputs or outputs than any model has; a file that claims more is broken.
constexpr std::size_t kMaxPorts = 1024;

std::string tflite_type(const FlatTable& tensor) {
  const auto type = static_cast<std::size_t>(tensor.scalar<std::uint8_t>(tflite::kTensorType, 0));
  return type < tflite::kTypes.size() ? tflite::kTypes[type] : "type " + std::to_string(type);
}

ModelSummary::Port tflite_port(const FlatTable& tensor) {
  ModelSummary::Port port;
  port.name = tensor.string(tflite::kTensorName);
  port.is_scalar = tensor.vector(tflite::kTensorShape, 4).count == 0;
  const auto signature = tensor.vector(tflite::kTensorShapeSignature, 4);
  for (std::size_t i = 0; i < signature.count; ++i)
    port.is_open = port.is_open || tensor.element<std::int32_t>(signature, i).value_or(0) < 0;
  port.type = tflite_type(tensor);
  return port;
}

std::optional<ModelSummary> summarize_tflite(const FlatTable& model) {
  const auto graph = model.table_element(model.vector(tflite::kModelSubgraphs, 4), 0);
  if (!graph) return std::nullopt;
  const auto tensors = graph->vector(tflite::kGraphTensors, 4);
  ModelSummary summary;
  const auto add_ports = [&](std::size_t field, std::vector<ModelSummary::Port>& ports) {
    const auto indexes = graph->vector(field, 4);
    if (indexes.count > kMaxPorts) return false;
    for (std::size_t i = 0; i < indexes.count; ++i) {
      const auto index = graph->element<std::uint32_t>(indexes, i);
      const auto tensor = index ? graph->table_element(tensors, *index) : std::nullopt;
      if (!tensor) return false;
      ports.push_back(tflite_port(*tensor));
    }
    return indexes.count > 0;
  };
  if (!add_ports(tflite::kGraphInputs, summary.inputs) || !add_ports(tflite::kGraphOutputs, summary.outputs))
    return std::nullopt;
  for (std::size_t i = 0; i < tensors.count; ++i) {
    const auto tensor = graph->table_element(tensors, i);
    if (!tensor) return std::nullopt;
    const std::string type = tflite_type(*tensor);
    const auto quantization = tensor->table(tflite::kTensorQuantization);
    const bool has_scale = quantization && quantization->vector(tflite::kQuantizationScale, 4).count > 0;
    summary.has_quantized = summary.has_quantized || (has_scale && type != "INT32" && type != "FLOAT32");
    summary.has_half = summary.has_half || type == tflite::kHalf;
    if (!has_scale && (type == "INT8" || type == "UINT8"))
      summary.tensor_without_scale = tensor->string(tflite::kTensorName);
  }
  return summary;
}

void note_types(const FlatTable& base, ModelSummary& summary) {
  const auto slots = base.vector(serialized::kBaseOutputs, 4);
  for (std::size_t i = 0; i < slots.count; ++i) {
    const auto slot = base.table_element(slots, i);
    const auto info = slot ? slot->table(serialized::kSlotInfo) : std::nullopt;
    if (!info) continue;
    const auto type = info->scalar<std::int8_t>(serialized::kInfoType, 0);
    summary.has_half = summary.has_half || type == serialized::kFloat16;
    for (const auto quantized : serialized::kQuantized)
      summary.has_quantized = summary.has_quantized || type == quantized;
  }
}

std::optional<ModelSummary> summarize_armnn(const FlatTable& graph) {
  const auto layers = graph.vector(serialized::kGraphLayers, 4);
  ModelSummary summary;
  for (std::size_t i = 0; i < layers.count; ++i) {
    const auto any = graph.table_element(layers, i);
    const auto layer = any ? any->table(serialized::kAnyLayer) : std::nullopt;
    auto base = layer ? layer->table(serialized::kLayerBase) : std::nullopt;
    if (!base) return std::nullopt;
    const auto type = any->scalar<std::uint8_t>(serialized::kAnyLayerType, 0);
    const bool is_port = type == serialized::kInputLayer || type == serialized::kOutputLayer;
    if (is_port) base = base->table(serialized::kLayerBase);
    if (!base) return std::nullopt;
    note_types(*base, summary);
    if (!is_port) continue;
    auto& ports = type == serialized::kInputLayer ? summary.inputs : summary.outputs;
    if (ports.size() == kMaxPorts) return std::nullopt;
    ports.push_back({std::string(base->string(serialized::kBaseName)), false, false, ""});
  }
  if (summary.inputs.empty() || summary.outputs.empty()) return std::nullopt;
  return summary;
}

}  // namespace

std::optional<ModelSummary> summarize(ModelFormat format, std::span<const std::byte> file) {
  const auto root = FlatTable::root(file);
  if (!root) return std::nullopt;
  return format == ModelFormat::kTflite ? summarize_tflite(*root) : summarize_armnn(*root);
}

}  // namespace ocelli::arm_nn
