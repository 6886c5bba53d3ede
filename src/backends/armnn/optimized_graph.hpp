// OptimizedGraph: which backend each layer was really given, out of the graph that ARM NN's optimizer made.
#pragma once

#include <armnn/INetwork.hpp>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace ocelli::arm_nn {

struct OptimizedGraph {
  std::map<std::string, std::size_t> layers_on;  // backend -> layers that it runs, inputs and outputs not counted
  std::size_t layers_to_half = 0;                // conversions from FP32 to FP16
};

// Reads Graphviz text as IOptimizedNetwork::SerializeToDot writes it, the only place where ARM NN tells.
OptimizedGraph read_dot(std::string_view text);
OptimizedGraph graph_of(const ::armnn::IOptimizedNetwork& network);

}  // namespace ocelli::arm_nn
