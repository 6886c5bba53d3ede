#include "serving/pipeline_graph.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <map>
#include <set>

namespace ocelli::serving {
namespace {

constexpr std::size_t kRequest = 0;
constexpr std::int32_t kMaxDemultiplyCount = 10'000;

bool dims_meet(const Dimension& a, const Dimension& b) noexcept {
  const auto low = std::max(a.min, b.min);
  return (a.max == Dimension::kUnbounded || low <= a.max) && (b.max == Dimension::kUnbounded || low <= b.max);
}

Dimension meet(const Dimension& a, const Dimension& b) noexcept {
  Dimension both{std::max(a.min, b.min), a.max};
  if (both.max == Dimension::kUnbounded || (b.max != Dimension::kUnbounded && b.max < both.max)) both.max = b.max;
  return both;
}

bool shapes_meet(const PartialShape& a, const PartialShape& b) {
  if (!a.rank_known || !b.rank_known) return true;
  return std::ranges::equal(a.dims, b.dims, dims_meet);
}

Dimension parts_dimension(std::int32_t count) noexcept {
  return count < 0 ? Dimension::any() : Dimension::fixed(count);
}

const TensorSpec* find_spec(const std::vector<TensorSpec>& specs, std::string_view name) noexcept {
  const auto found = std::ranges::find(specs, name, &TensorSpec::name);
  return found == specs.end() ? nullptr : &*found;
}

// Builds the graph step by step; each step returns the first fault it meets.
class GraphBuilder {
 public:
  GraphBuilder(const PipelineDefinition& definition, const ServableResolver& resolve)
      : definition_(definition), resolve_(resolve) {}

  Result<PipelineGraph> build() {
    for (auto step : {&GraphBuilder::add_nodes, &GraphBuilder::connect, &GraphBuilder::order, &GraphBuilder::nest,
                      &GraphBuilder::describe, &GraphBuilder::check_types}) {
      if (auto status = (this->*step)(); !status.ok()) return status;
    }
    return std::move(graph_);
  }

 private:
  template <typename... Args>
  Status wrong(fmt::format_string<Args...> text, Args&&... args) const {
    return invalid_argument(
        fmt::format("Pipeline {}: {}", definition_.name, fmt::format(text, std::forward<Args>(args)...)));
  }

  Status add_nodes();
  Status add_node(const PipelineNode& node);
  Status check_count(const std::string& node, const std::optional<std::int32_t>& count);
  Status connect();
  Result<PipelineLink> link(const std::string& name, const PipelineSource& source, const std::string& user);
  void number_items();
  Status order();
  Status nest();
  Status nest_node(std::size_t index);
  Status describe();
  Status describe_input(std::size_t item, const std::string& name);
  Status check_types();
  // Spec of a value as its users get it: one part when the node demultiplexes.
  TensorSpec part_spec(const PipelineLink& made) const;
  // Spec of a value after the demultiplexers beyond `depth` have been gathered.
  TensorSpec gathered_spec(const PipelineLink& made, std::size_t depth) const;
  std::vector<std::size_t> open_after(std::size_t node) const;
  std::size_t index_of(const std::string& name) const;
  const ServableMetadata& metadata_of(std::size_t node) const { return graph_.nodes[node].servable->metadata(); }

  const PipelineDefinition& definition_;
  const ServableResolver& resolve_;
  PipelineGraph graph_;
  std::vector<std::size_t> order_;  // sources before users
  std::map<std::string, std::size_t> by_name_;
  bool any_count_ = false;
};

Status GraphBuilder::add_nodes() {
  graph_.nodes.emplace_back();
  graph_.nodes[kRequest].name = kRequestNode;
  graph_.nodes[kRequest].demultiply = definition_.demultiply_count;
  graph_.nodes[kRequest].items = definition_.inputs;
  std::ranges::sort(graph_.nodes[kRequest].items);
  by_name_[kRequestNode] = kRequest;
  if (definition_.inputs.empty()) return wrong("it has no inputs");
  if (definition_.outputs.empty()) return wrong("it has no outputs");
  const auto& items = graph_.nodes[kRequest].items;
  if (const auto twice = std::ranges::adjacent_find(items); twice != items.end())
    return wrong("input {} is listed twice", *twice);
  if (auto status = check_count(kRequestNode, definition_.demultiply_count); !status.ok()) return status;
  for (const auto& node : definition_.nodes) {
    if (auto status = add_node(node); !status.ok()) return status;
  }
  return {};
}

Status GraphBuilder::add_node(const PipelineNode& node) {
  if (!by_name_.emplace(node.name, graph_.nodes.size()).second) return wrong("two nodes are called {}", node.name);
  if (node.custom) {
    return unimplemented(fmt::format(
        "Pipeline {}: node {} is a custom node, which this server does not run; only \"DL model\" nodes work",
        definition_.name, node.name));
  }
  if (auto status = check_count(node.name, node.demultiply_count); !status.ok()) return status;
  auto model = resolve_(node.model, node.version);
  if (!model.ok()) {
    return {model.status().code(), fmt::format("Pipeline {}: node {}: model {}: {}", definition_.name, node.name,
                                               node.model, model.status().message())};
  }
  const auto& metadata = (*model)->metadata();
  if (metadata.stateful) return wrong("node {}: stateful model {} cannot be part of a pipeline", node.name, node.model);
  if (metadata.pipeline) return wrong("node {}: {} is a pipeline itself", node.name, node.model);
  PipelineGraphNode made;
  made.name = node.name;
  made.model = node.model;
  made.servable = std::move(model).value();
  made.demultiply = node.demultiply_count;
  graph_.nodes.push_back(std::move(made));
  return {};
}

Status GraphBuilder::check_count(const std::string& node, const std::optional<std::int32_t>& count) {
  if (!count) return {};
  if (*count != -1 && (*count < 1 || *count > kMaxDemultiplyCount)) {
    return wrong("node {}: demultiply_count must be -1 or 1..{}, not {}", node, kMaxDemultiplyCount, *count);
  }
  if (*count == -1 && any_count_) return wrong("only one demultiply_count may be -1");
  any_count_ = any_count_ || *count == -1;
  return {};
}

std::size_t GraphBuilder::index_of(const std::string& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? graph_.nodes.size() : found->second;
}

// item stays a position in a list that is still growing: number_items() sorts the lists and corrects the positions.
Result<PipelineLink> GraphBuilder::link(const std::string& name, const PipelineSource& source,
                                        const std::string& user) {
  const auto index = index_of(source.node);
  if (index == graph_.nodes.size()) return wrong("{} refers to node {}, which does not exist", user, source.node);
  auto& node = graph_.nodes[index];
  std::string item = source.item;
  if (index != kRequest) {
    const auto& aliases = definition_.nodes[index - 1].outputs;
    if (const auto alias = aliases.find(item); alias != aliases.end()) item = alias->second;
    if (!find_spec(metadata_of(index).outputs, item)) {
      return wrong("{} refers to output {} of node {}, which model {} does not have", user, source.item, source.node,
                   node.model);
    }
  } else if (std::ranges::find(node.items, item) == node.items.end()) {
    return wrong("{} refers to input {} of the pipeline, which does not exist", user, item);
  }
  auto position = std::ranges::find(node.items, item);
  if (position == node.items.end()) position = node.items.insert(node.items.end(), item);
  return PipelineLink{name, index, static_cast<std::size_t>(position - node.items.begin()), 0};
}

Status GraphBuilder::connect() {
  for (std::size_t i = 1; i < graph_.nodes.size(); ++i) {
    const auto& node = definition_.nodes[i - 1];
    for (const auto& [name, source] : node.inputs) {
      const auto user = fmt::format("input {} of node {}", name, node.name);
      if (!find_spec(metadata_of(i).inputs, name)) return wrong("{}: model {} has no such input", user, node.model);
      auto made = link(name, source, user);
      if (!made.ok()) return std::move(made).status();
      graph_.nodes[i].inputs.push_back(std::move(made).value());
    }
    for (const auto& input : metadata_of(i).inputs) {
      if (!node.inputs.contains(input.name))
        return wrong("input {} of node {} is not connected", input.name, node.name);
    }
  }
  for (const auto& [name, source] : definition_.outputs) {
    auto made = link(name, source, fmt::format("output {}", name));
    if (!made.ok()) return std::move(made).status();
    graph_.outputs.push_back(std::move(made).value());
  }
  number_items();
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    std::set<std::size_t> sources;
    for (const auto& input : graph_.nodes[i].inputs) sources.insert(input.source);
    graph_.nodes[i].sources = sources.size();
    for (const auto source : sources) graph_.nodes[source].dependents.push_back(i);
  }
  return {};
}

void GraphBuilder::number_items() {
  const auto before = graph_.nodes;
  for (auto& node : graph_.nodes) std::ranges::sort(node.items);
  const auto renumber = [&](PipelineLink& made) {
    const auto& items = graph_.nodes[made.source].items;
    made.item =
        static_cast<std::size_t>(std::ranges::find(items, before[made.source].items[made.item]) - items.begin());
  };
  for (auto& node : graph_.nodes) std::ranges::for_each(node.inputs, renumber);
  std::ranges::for_each(graph_.outputs, renumber);
}

// Kahn's algorithm; what is left over lies on a cycle or waits for one. Then nothing may run in vain.
Status GraphBuilder::order() {
  std::vector<std::size_t> waits;
  for (const auto& node : graph_.nodes) waits.push_back(node.sources);
  std::vector<std::size_t> ready{kRequest};
  while (!ready.empty()) {
    const auto node = ready.back();
    ready.pop_back();
    order_.push_back(node);
    for (const auto dependent : graph_.nodes[node].dependents) {
      if (--waits[dependent] == 0) ready.push_back(dependent);
    }
  }
  for (std::size_t i = 1; i < graph_.nodes.size(); ++i) {
    if (graph_.nodes[i].inputs.empty()) return wrong("node {} has no inputs", graph_.nodes[i].name);
    if (waits[i] != 0) return wrong("node {} is part of a cycle, or behind one", graph_.nodes[i].name);
  }
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    const bool answers = std::ranges::find(graph_.outputs, i, &PipelineLink::source) != graph_.outputs.end();
    if (graph_.nodes[i].dependents.empty() && !answers)
      return wrong("node {} is not connected to any output", graph_.nodes[i].name);
  }
  return {};
}

std::vector<std::size_t> GraphBuilder::open_after(std::size_t node) const {
  auto open = graph_.nodes[node].open;
  if (graph_.nodes[node].demultiply) open.push_back(node);
  return open;
}

// Which demultiplexers are open around each node's runs.
Status GraphBuilder::nest() {
  for (const auto index : order_) {
    if (index == kRequest) continue;
    if (auto status = nest_node(index); !status.ok()) return status;
  }
  for (auto& output : graph_.outputs) output.depth = open_after(output.source).size();
  return {};
}

Status GraphBuilder::nest_node(std::size_t index) {
  auto& node = graph_.nodes[index];
  std::vector<std::size_t> deepest;
  for (auto& input : node.inputs) {
    auto open = open_after(input.source);
    input.depth = open.size();
    if (open.size() > deepest.size()) deepest = std::move(open);
  }
  for (const auto& input : node.inputs) {
    const auto open = open_after(input.source);
    if (!std::equal(open.begin(), open.end(), deepest.begin())) {
      return wrong("node {}: its inputs come from demultiplexers that do not lie inside each other", node.name);
    }
  }
  const auto& gather = definition_.nodes[index - 1].gather_from;
  if (!gather.empty()) {
    const auto from = index_of(gather);
    if (from == graph_.nodes.size())
      return wrong("node {} gathers from node {}, which does not exist", node.name, gather);
    if (deepest.empty() || deepest.back() != from) {
      return wrong("node {} gathers from {}, which is not the innermost open demultiplexer in front of it", node.name,
                   gather);
    }
    deepest.pop_back();
  }
  node.open = std::move(deepest);
  return {};
}

TensorSpec GraphBuilder::part_spec(const PipelineLink& made) const {
  const auto& node = graph_.nodes[made.source];
  const auto* whole = made.source == kRequest ? &graph_.input_specs[made.item]
                                              : find_spec(metadata_of(made.source).outputs, node.items[made.item]);
  assert(whole && "a link is checked when it is made");
  TensorSpec spec = *whole;
  if (node.demultiply && spec.shape.rank_known && !spec.shape.dims.empty())
    spec.shape.dims.erase(spec.shape.dims.begin());
  return spec;
}

TensorSpec GraphBuilder::gathered_spec(const PipelineLink& made, std::size_t depth) const {
  TensorSpec spec = part_spec(made);
  const auto open = open_after(made.source);
  for (std::size_t level = made.depth; level > depth && spec.shape.rank_known; --level) {
    spec.shape.dims.insert(spec.shape.dims.begin(), parts_dimension(*graph_.nodes[open[level - 1]].demultiply));
  }
  if (made.depth > depth) spec.layout.clear();
  return spec;
}

// The pipeline's own inputs: what all users of each take together.
Status GraphBuilder::describe() {
  const auto& items = graph_.nodes[kRequest].items;
  for (std::size_t item = 0; item < items.size(); ++item) {
    if (auto status = describe_input(item, items[item]); !status.ok()) return status;
  }
  for (const auto& output : graph_.outputs) {
    auto spec = gathered_spec(output, 0);
    spec.name = output.name;
    graph_.output_specs.push_back(std::move(spec));
  }
  return {};
}

Status GraphBuilder::describe_input(std::size_t item, const std::string& name) {
  std::optional<TensorSpec> spec;
  for (std::size_t i = 1; i < graph_.nodes.size(); ++i) {
    for (const auto& input : graph_.nodes[i].inputs) {
      if (input.source != kRequest || input.item != item) continue;
      const bool gathers = input.depth > graph_.nodes[i].open.size();
      TensorSpec wanted = *find_spec(metadata_of(i).inputs, input.name);
      if (gathers) {
        if (wanted.shape.rank_known && !wanted.shape.dims.empty()) wanted.shape.dims.erase(wanted.shape.dims.begin());
        wanted.layout.clear();
      }
      if (!spec) {
        spec = std::move(wanted);
        continue;
      }
      if (spec->type != wanted.type || !shapes_meet(spec->shape, wanted.shape)) {
        return wrong("input {} goes to models that take different tensors: {} {} and {} {}", name,
                     precision_name(spec->type), spec->shape.to_string(), precision_name(wanted.type),
                     wanted.shape.to_string());
      }
      for (std::size_t d = 0; d < spec->shape.dims.size() && d < wanted.shape.dims.size(); ++d) {
        spec->shape.dims[d] = meet(spec->shape.dims[d], wanted.shape.dims[d]);
      }
    }
  }
  if (!spec) return wrong("input {} is not used by any node", name);
  spec->name = name;
  if (const auto& count = graph_.nodes[kRequest].demultiply; count && spec->shape.rank_known) {
    spec->shape.dims.insert(spec->shape.dims.begin(), parts_dimension(*count));
    // Pictures still go in: "NHWC" becomes "N?HWC", the leading N being the parts.
    spec->layout = spec->layout.size() == 4 && spec->layout[0] == 'N' ? "N?" + spec->layout.substr(1) : "";
  }
  graph_.input_specs.push_back(std::move(*spec));
  return {};
}

Status GraphBuilder::check_types() {
  for (std::size_t i = 1; i < graph_.nodes.size(); ++i) {
    const auto& node = graph_.nodes[i];
    for (const auto& input : node.inputs) {
      const auto given = gathered_spec(input, std::min(input.depth, node.open.size()));
      const auto& wanted = *find_spec(metadata_of(i).inputs, input.name);
      if (given.type == wanted.type && shapes_meet(given.shape, wanted.shape)) continue;
      return wrong("node {}: input {} takes {} {}, but {} of node {} gives {} {}", node.name, input.name,
                   precision_name(wanted.type), wanted.shape.to_string(), graph_.nodes[input.source].items[input.item],
                   graph_.nodes[input.source].name, precision_name(given.type), given.shape.to_string());
    }
    if (!node.demultiply) continue;
    for (const auto& item : node.items) {
      const auto& spec = *find_spec(metadata_of(i).outputs, item);
      if (!spec.shape.rank_known) continue;
      if (spec.shape.dims.size() < 2) return wrong("node {}: output {} has fewer than two dimensions", node.name, item);
      if (!dims_meet(spec.shape.dims[0], parts_dimension(*node.demultiply))) {
        return wrong("node {}: demultiply_count is {}, but output {} has shape {}", node.name, *node.demultiply, item,
                     spec.shape.to_string());
      }
    }
  }
  return {};
}

}  // namespace

Result<PipelineGraph> make_pipeline_graph(const PipelineDefinition& definition, const ServableResolver& resolve) {
  return GraphBuilder(definition, resolve).build();
}

}  // namespace ocelli::serving
