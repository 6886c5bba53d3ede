#include "backends/armnn/optimized_graph.hpp"

#include <sstream>

namespace ocelli::arm_nn {
namespace {

// The text between `label` and the next "\l", which ends a line of a node.
std::string_view value_of(std::string_view line, std::string_view label) {
  const auto at = line.rfind(label);
  if (at == std::string_view::npos) return {};
  const auto begin = at + label.size();
  return line.substr(begin, line.find("\\l", begin) - begin);
}

}  // namespace

OptimizedGraph read_dot(std::string_view text) {
  OptimizedGraph graph;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::string_view backend = value_of(line, "BackendID : ");
    const std::string_view type = value_of(line, "LayerType : ");
    if (backend.empty() || type == "Input" || type == "Output") continue;
    ++graph.layers_on[std::string(backend)];
    if (type == "ConvertFp32ToFp16") ++graph.layers_to_half;
  }
  return graph;
}

OptimizedGraph graph_of(const ::armnn::IOptimizedNetwork& network) {
  std::ostringstream text;
  network.SerializeToDot(text);
  return read_dot(text.str());
}

}  // namespace ocelli::arm_nn
