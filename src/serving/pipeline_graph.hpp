// PipelineGraph: a checked pipeline, with names turned into positions.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/status.hpp"
#include "runtime/model_signature.hpp"
#include "serving/pipeline_definition.hpp"
#include "serving/servable.hpp"

namespace ocelli::serving {

// Finds the model of a node: ModelCatalog::find, or a stand-in in tests. Called while a graph is made.
using ServableResolver =
    std::function<Result<ServableHandle>(const std::string& model, std::optional<std::int64_t> version)>;

// Where a node's input, or a result of the pipeline, comes from.
struct PipelineLink {
  std::string name;        // the model's input, or the client's output
  std::size_t source = 0;  // position in PipelineGraph::nodes
  std::size_t item = 0;    // position in that node's items
  std::size_t depth = 0;   // demultiplexers that are open on this value
};

// Node 0 is the request: it has no model, and its items are the client's inputs in name order.
struct PipelineGraphNode {
  std::string name;
  std::string model;
  ServableHandle servable;                 // the model; null for the request
  std::vector<PipelineLink> inputs;        // in name order of the model's inputs
  std::vector<std::string> items;          // the model's outputs that somebody uses, in name order
  std::vector<std::size_t> open;           // demultiplexing nodes around this node's runs, outermost first
  std::vector<std::size_t> dependents;     // nodes that wait for this one, each once
  std::size_t sources = 0;                 // different nodes that this one waits for
  std::optional<std::int32_t> demultiply;  // -1: any number
};

// Immutable. Keeps its models loaded. Runs of a node: one for each combination of parts of the demultiplexers in
// `open`.
struct PipelineGraph {
  std::vector<PipelineGraphNode> nodes;
  std::vector<PipelineLink> outputs;  // in name order
  // As clients see them, in name order.
  std::vector<TensorSpec> input_specs;
  std::vector<TensorSpec> output_specs;
};

// Checks names, connections, cycles, types, shapes, demultiplexers and gathering against the models as they are now.
// Errors: kInvalidArgument (the definition is wrong, with the place and the reason), kUnimplemented (custom nodes), or
// the resolver's own for a model that is not there.
Result<PipelineGraph> make_pipeline_graph(const PipelineDefinition& definition, const ServableResolver& resolve);

}  // namespace ocelli::serving
