// PipelineDefinition: a pipeline as config.json describes it (spec 2.11), in plain values. The repository fills it and
// hands it to PipelineServable::create (pipeline_servable.hpp), which checks it against the models.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ocelli::serving {

// Where a value comes from: an output (data item) of a node. Node "request" is the client's input.
struct PipelineSource {
  std::string node;
  std::string item;
  friend bool operator==(const PipelineSource&, const PipelineSource&) = default;
};

// The name that stands for the client's request among the nodes.
inline constexpr const char* kRequestNode = "request";

// One run of one model inside a pipeline.
struct PipelineNode {
  std::string name;
  // "custom" instead of "DL model": answered with a clear error, because such nodes are libraries of another program's
  // binary interface.
  bool custom = false;
  std::string model;
  std::optional<std::int64_t> version;           // empty: the highest AVAILABLE one when the pipeline is made
  std::map<std::string, PipelineSource> inputs;  // by the model's input name
  // Names that this node's outputs have for other nodes, by alias; the value is the model's output name. Outputs that
  // are not listed go by the model's own names.
  std::map<std::string, std::string> outputs;
  // Splits every output along dimension 0 into so many runs of what follows: 1..10000, or -1 for any number.
  std::optional<std::int32_t> demultiply_count;
  // Name of the demultiplexing node ("request" for the pipeline's own) whose runs are collected again in front of this
  // node; empty: none.
  std::string gather_from;
  friend bool operator==(const PipelineNode&, const PipelineNode&) = default;
};

// A plain value; two equal ones need no reload.
struct PipelineDefinition {
  std::string name;
  std::vector<std::string> inputs;
  std::vector<PipelineNode> nodes;
  std::map<std::string, PipelineSource> outputs;  // by the name that clients see
  // As of a node: splits the client's inputs.
  std::optional<std::int32_t> demultiply_count;
  friend bool operator==(const PipelineDefinition&, const PipelineDefinition&) = default;
};

}  // namespace ocelli::serving
