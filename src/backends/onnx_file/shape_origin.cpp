#include "backends/onnx_file/shape_origin.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "backends/onnx_file/onnx_fields.hpp"
#include "backends/onnx_file/protobuf_walker.hpp"

namespace ocelli::onnx_file {
namespace {

// A graph's nodes are sorted, so one pass follows everything, and a second one shows it; more are for files that are
// not as they should be.
constexpr int kMostPasses = 8;

// Which inputs of an operator say by their values what shape its outputs have.
enum class ShapeGiver : std::uint8_t { kNone, kAllButFirst, kAll };

constexpr std::array<std::string_view, 23> kShapeByAll{"NonZero",
                                                       "Unique",
                                                       "NonMaxSuppression",
                                                       "Range",
                                                       "ConstantOfShape",
                                                       "StringSplit",
                                                       "SplitToSequence",
                                                       "SequenceAt",
                                                       "SequenceConstruct",
                                                       "SequenceErase",
                                                       "SequenceInsert",
                                                       "SequenceLength",
                                                       "SequenceMap",
                                                       "ConcatFromSequence",
                                                       "ImageDecoder",
                                                       "HannWindow",
                                                       "HammingWindow",
                                                       "BlackmanWindow",
                                                       "MelWeightMatrix",
                                                       "Optional",
                                                       "OptionalGetElement",
                                                       "Tokenizer",
                                                       "Sampling"};

constexpr std::array<std::string_view, 21> kShapeByOthers{
    "Compress", "Reshape", "Expand",        "Tile",   "Slice",      "Pad",           "Resize",
    "Upsample", "TopK",    "OneHot",        "Split",  "Squeeze",    "Unsqueeze",     "MaxUnpool",
    "DFT",      "STFT",    "CenterCropPad", "Col2Im", "AffineGrid", "CropAndResize", "ExpandDims"};

ShapeGiver shape_giver(std::string_view op) {
  const auto is_in = [&](const auto& list) { return std::ranges::find(list, op) != list.end(); };
  if (is_in(kShapeByAll) || op.ends_with("Search")) return ShapeGiver::kAll;
  if (is_in(kShapeByOthers) || op.starts_with("Reduce")) return ShapeGiver::kAllButFirst;
  return ShapeGiver::kNone;
}

// Operators of other domains may do anything.
bool is_known(std::string_view domain) {
  return domain.empty() || domain == "ai.onnx" || domain == "ai.onnx.ml" || domain == "com.microsoft";
}

// What of a tensor depends on the values of the graph's inputs.
struct Origin {
  bool value = false;
  bool shape = false;
  friend bool operator==(const Origin&, const Origin&) = default;
};

struct Node {
  std::string op;
  std::string domain;
  bool has_graph = false;
  std::vector<std::uint32_t> inputs;
  std::vector<std::uint32_t> outputs;
};

class Graph {
 public:
  // False when it cannot be read, or a name is longer than any that is looked at.
  bool read(ProtobufWalker& walker, std::uint64_t end) {
    std::vector<std::uint32_t> inputs;
    std::vector<std::uint32_t> weights;
    walker.fields(end, ignore_number, [&](std::uint32_t number, std::uint64_t stop) {
      if (number == field::kGraphNode) nodes_.push_back(read_node(walker, stop));
      if (number == field::kGraphInput) add_name(walker, stop, field::kValueName, inputs);
      if (number == field::kGraphOutput) add_name(walker, stop, field::kValueName, outputs_);
      if (number == field::kGraphInitializer) add_name(walker, stop, field::kTensorName, weights);
    });
    for (const auto input : inputs) origins_[input].value = true;
    // Files of old IR versions list their weights among the inputs.
    for (const auto weight : weights) origins_[weight] = {};
    return walker.good() && readable_;
  }

  [[nodiscard]] bool shapes_follow_inputs() {
    for (int pass = 0; pass < kMostPasses; ++pass) {
      if (follow_all()) continue;
      return std::ranges::none_of(outputs_, [&](std::uint32_t output) { return origins_[output].shape; });
    }
    return false;
  }

 private:
  std::string text(ProtobufWalker& walker, std::uint64_t end) {
    if (end - walker.position() > ProtobufWalker::kMostText) readable_ = false;
    return walker.text(end);
  }
  // Number of a tensor; 0 is the input that is left out.
  std::uint32_t number_of(std::string name) {
    if (name.empty()) return 0;
    const auto [found, is_new] = numbers_.try_emplace(std::move(name), static_cast<std::uint32_t>(origins_.size()));
    if (is_new) origins_.emplace_back();
    return found->second;
  }
  void add_name(ProtobufWalker& walker, std::uint64_t end, std::uint32_t wanted, std::vector<std::uint32_t>& list) {
    descend(walker, end, wanted, [&](std::uint64_t stop) { list.push_back(number_of(text(walker, stop))); });
  }
  Node read_node(ProtobufWalker& walker, std::uint64_t end) {
    Node node;
    walker.fields(end, ignore_number, [&](std::uint32_t number, std::uint64_t stop) {
      if (number == field::kNodeInput) node.inputs.push_back(number_of(text(walker, stop)));
      if (number == field::kNodeOutput) node.outputs.push_back(number_of(text(walker, stop)));
      if (number == field::kNodeOperator) node.op = text(walker, stop);
      if (number == field::kNodeDomain) node.domain = text(walker, stop);
      if (number != field::kNodeAttribute) return;
      walker.fields(stop, ignore_number, [&](std::uint32_t inner, std::uint64_t) {
        if (inner == field::kAttributeGraph || inner == field::kAttributeGraphs) node.has_graph = true;
      });
    });
    return node;
  }

  // One pass; true when it changed anything.
  bool follow_all() {
    bool changed = false;
    for (const auto& node : nodes_) {
      const auto origin = follow(node);
      for (const auto output : node.outputs) {
        if (output == 0) continue;
        auto& known = origins_[output];
        const Origin joined{known.value || origin.value, known.shape || origin.shape};
        changed = changed || !(joined == known);
        known = joined;
      }
    }
    return changed;
  }

  [[nodiscard]] Origin follow(const Node& node) const {
    // What a graph inside takes from the one around it is not listed.
    if (node.has_graph || !is_known(node.domain)) return {true, true};
    Origin result;
    const auto giver = shape_giver(node.op);
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const auto& input = origins_[node.inputs[i]];
      const bool gives = giver == ShapeGiver::kAll || (giver == ShapeGiver::kAllButFirst && i > 0);
      result.shape = result.shape || input.shape || (gives && input.value);
      result.value = result.value || input.value;
    }
    if (node.op == "Shape" || node.op == "Size") result.value = false;
    result.value = result.value || result.shape;
    return result;
  }

  bool readable_ = true;
  std::unordered_map<std::string, std::uint32_t> numbers_;
  std::vector<Origin> origins_{Origin{}};
  std::vector<Node> nodes_;
  std::vector<std::uint32_t> outputs_;
};

}  // namespace

bool shapes_follow_inputs(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return shapes_follow_inputs(file);
}

bool shapes_follow_inputs(std::istream& file) {
  ProtobufWalker walker(file);
  Graph graph;
  bool has_graph = false;
  bool is_read = true;
  walker.fields(walker.size(), ignore_number, [&](std::uint32_t number, std::uint64_t stop) {
    if (number != field::kModelGraph) return;
    has_graph = true;
    is_read = graph.read(walker, stop) && is_read;
  });
  return walker.good() && has_graph && is_read && graph.shapes_follow_inputs();
}

}  // namespace ocelli::onnx_file
