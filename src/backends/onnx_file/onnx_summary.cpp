#include "backends/onnx_file/onnx_summary.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>

#include "backends/onnx_file/onnx_fields.hpp"
#include "backends/onnx_file/protobuf_walker.hpp"

namespace ocelli::onnx_file {
namespace {

OnnxDimension read_dimension(ProtobufWalker& walker, std::uint64_t end) {
  OnnxDimension dimension;
  walker.fields(
      end,
      [&](std::uint32_t number, std::uint64_t value) {
        if (number == field::kDimensionValue) dimension.extent = static_cast<std::int64_t>(value);
      },
      [&](std::uint32_t number, std::uint64_t stop) {
        if (number == field::kDimensionName) dimension.name = walker.text(stop);
      });
  return dimension;
}

void read_input(ProtobufWalker& walker, std::uint64_t end, OnnxSummary& summary) {
  std::string name;
  std::vector<OnnxDimension> dimensions;
  bool has_shape = false;
  walker.fields(end, ignore_number, [&](std::uint32_t number, std::uint64_t stop) {
    if (number == field::kValueName) name = walker.text(stop);
    if (number != field::kValueType) return;
    descend(walker, stop, field::kTypeTensor, [&](std::uint64_t type_end) {
      descend(walker, type_end, field::kTensorTypeShape, [&](std::uint64_t shape_end) {
        has_shape = true;
        descend(walker, shape_end, field::kShapeDimension,
                [&](std::uint64_t dimension_end) { dimensions.push_back(read_dimension(walker, dimension_end)); });
      });
    });
  });
  if (has_shape) summary.inputs.emplace(std::move(name), std::move(dimensions));
}

// Counts the weight's bytes and gives its name.
std::string read_weight(ProtobufWalker& walker, std::uint64_t end, OnnxSummary& summary) {
  const std::uint64_t bytes = end - walker.position();
  std::string name;
  walker.fields(
      end,
      [&](std::uint32_t number, std::uint64_t value) {
        if (number == field::kTensorType) summary.weight_bytes[static_cast<std::int64_t>(value)] += bytes;
      },
      [&](std::uint32_t number, std::uint64_t stop) {
        if (number == field::kTensorName) name = walker.text(stop);
      });
  return name;
}

void read_graph(ProtobufWalker& walker, std::uint64_t end, OnnxSummary& summary) {
  std::vector<std::string> weights;
  walker.fields(end, ignore_number, [&](std::uint32_t number, std::uint64_t stop) {
    if (number == field::kGraphNode) {
      descend(walker, stop, field::kNodeOperator,
              [&](std::uint64_t text_end) { ++summary.operators[walker.text(text_end)]; });
    } else if (number == field::kGraphInitializer) {
      weights.push_back(read_weight(walker, stop, summary));
    } else if (number == field::kGraphInput) {
      read_input(walker, stop, summary);
    }
  });
  // Files of old IR versions list their weights among the inputs.
  for (const auto& name : weights) summary.inputs.erase(name);
}

}  // namespace

bool OnnxSummary::is_quantized() const {
  static constexpr std::array<std::string_view, 8> kQuantized{
      "QLinearConv",      "QLinearMatMul", "ConvInteger",           "MatMulInteger",
      "DequantizeLinear", "QGemm",         "DynamicQuantizeMatMul", "QAttention"};
  return std::any_of(kQuantized.begin(), kQuantized.end(),
                     [&](std::string_view name) { return operators.contains(std::string(name)); });
}

bool OnnxSummary::is_half() const {
  const auto bytes = [&](std::int64_t type) {
    const auto found = weight_bytes.find(type);
    return found == weight_bytes.end() ? std::uint64_t{0} : found->second;
  };
  return bytes(10) > bytes(1);
}

std::optional<OnnxSummary> summarize_onnx(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return summarize_onnx(file);
}

std::optional<OnnxSummary> summarize_onnx(std::istream& file) {
  ProtobufWalker walker(file);
  OnnxSummary summary;
  bool has_graph = false;
  walker.fields(walker.size(), ignore_number, [&](std::uint32_t number, std::uint64_t stop) {
    if (number != field::kModelGraph) return;
    has_graph = true;
    read_graph(walker, stop, summary);
  });
  if (!walker.good() || !has_graph) return std::nullopt;
  return summary;
}

}  // namespace ocelli::onnx_file
