#include "serving/pipeline_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <new>
#include <optional>
#include <ranges>
#include <utility>

#include "serving/servable.hpp"
#include "serving/tensor_parts.hpp"

namespace ocelli::serving {
namespace {

// A part costs a thousand bytes before its run begins, whatever little the client sent for it. Parts of one
// demultiplexer, as OVMS; and runs of one node inside nested ones.
constexpr std::size_t kMaxParts = 10'000;
constexpr std::size_t kMaxRuns = 10 * kMaxParts;

Status too_many_parts(std::string_view node, std::size_t count, std::size_t limit) {
  return invalid_argument(fmt::format(
      "Too large dynamic demultiplication requested. - Limit: {} parts; Actual: {}; node: {}", limit, count, node));
}

}  // namespace

// One run of one node: a call to its model. Its outputs stay until the pipeline has ended.
struct PipelineRun::NodeCall final : CallCompletion {
  void on_call_done(InferenceCall&) noexcept override { run->ended(*this); }
  bool tries_again(const InferenceCall&) noexcept override { return run->tries_again(*this); }

  PipelineRun* run = nullptr;
  std::shared_ptr<PipelineRun> keep;  // while in flight
  std::size_t node = 0;
  std::size_t index = 0;  // among the node's runs
  InferenceCall call;
  bool in_flight = false;
  bool pinned = false;   // cancel() is on its way
  bool told = false;     // ended while pinned
  bool crowded = false;  // others of the run were in flight when it began
  bool asked = false;    // its servable asked whether it is tried again, and has counted accordingly
  bool again = false;    // the answer
  NodeCall* next_put_off = nullptr;
};

struct PipelineRun::NodeState {
  std::size_t waits = 0;  // sources that have not ended
  std::size_t launched = 0;
  std::size_t running = 0;  // put off ones, too
  std::size_t parts = 0;    // of its demultiplexer, once known
  // Of string items, which are found by run and position: the places of their parts.
  std::map<std::pair<std::size_t, std::size_t>, std::vector<std::size_t>> string_parts;
  std::deque<NodeCall> calls;
};

PipelineRun::PipelineRun(const PipelineGraph& graph, BufferPool& pool, InferenceCall& call, Done done)
    : owner_(call.servable),
      graph_(graph),
      pool_(pool),
      call_(call),
      done_(std::move(done)),
      nodes_(graph.nodes.size()) {
  for (std::size_t i = 0; i < nodes_.size(); ++i) nodes_[i].waits = graph.nodes[i].sources;
}

PipelineRun::~PipelineRun() = default;

void PipelineRun::start() {
  {
    const std::lock_guard lock(mutex_);
    if (auto status = count_parts(0); !status.ok()) fail(std::move(status));
    for (const auto dependent : graph_.nodes[0].dependents) {
      if (--nodes_[dependent].waits == 0) open_node(dependent);
    }
    pumping_ = false;
  }
  pump();
}

// --- values

std::vector<std::size_t> PipelineRun::open_after(std::size_t node) const {
  auto open = graph_.nodes[node].open;
  if (graph_.nodes[node].demultiply) open.push_back(node);
  return open;
}

std::size_t PipelineRun::run_count(std::size_t node) const noexcept {
  std::size_t count = 1;
  for (const auto demultiplexer : graph_.nodes[node].open) {
    if (count <= kMaxRuns) count *= nodes_[demultiplexer].parts;  // no product of these overflows
  }
  return count;
}

// A whole output of one run of a node.
TensorView PipelineRun::item(std::size_t node, std::size_t run, std::size_t position) const {
  if (node == 0) return call_.work.inputs[position];
  return nodes_[node].calls[run].call.outputs[position].tensor.view;
}

// The value behind a link for one combination of parts of the demultiplexers that are open on it.
TensorView PipelineRun::value(const PipelineLink& link, std::size_t index) const {
  const auto& state = nodes_[link.source];
  if (!graph_.nodes[link.source].demultiply) return item(link.source, index, link.item);
  const auto run = index / state.parts;
  const auto whole = item(link.source, run, link.item);
  if (whole.type != DataType::kString) return tensor_part(whole, index % state.parts);
  return string_part(whole, state.string_parts.at({run, link.item}), index % state.parts);
}

// What run `run` inside the demultiplexers `open` gets through a link: a value from outside as it is, or the gathered
// parts.
Result<Tensor> PipelineRun::collect(const PipelineLink& link, std::size_t run, const std::vector<std::size_t>& open) {
  const auto source_open = open_after(link.source);
  if (link.depth <= open.size()) {
    std::size_t inner = 1;
    for (std::size_t level = link.depth; level < open.size(); ++level) inner *= nodes_[open[level]].parts;
    return Tensor{value(link, run / inner), {}};
  }
  Shape leading;
  std::size_t count = 1;
  for (std::size_t level = open.size(); level < link.depth; ++level) {
    leading.push_back(static_cast<std::int64_t>(nodes_[source_open[level]].parts));
    count *= nodes_[source_open[level]].parts;
  }
  std::vector<TensorView> parts;
  parts.reserve(count);
  for (std::size_t part = 0; part < count; ++part) parts.push_back(value(link, run * count + part));
  return join_parts(parts, leading, pool_);
}

Status PipelineRun::count_parts(std::size_t node) {
  try {
    return find_parts(node);
  } catch (const std::bad_alloc&) {
    return {StatusCode::kResourceExhausted, "Out of memory"};
  }
}

// How many parts a demultiplexing node's outputs have: the same for all its outputs and runs.
Status PipelineRun::find_parts(std::size_t node) {
  const auto& demultiply = graph_.nodes[node].demultiply;
  if (!demultiply) return {};
  std::optional<std::size_t> parts;
  const std::size_t runs = node == 0 ? 1 : nodes_[node].calls.size();
  for (std::size_t run = 0; run < runs; ++run) {
    for (std::size_t position = 0; position < graph_.nodes[node].items.size(); ++position) {
      const auto whole = item(node, run, position);
      const auto& shape = whole.shape;
      const auto count = shape.rank() == 0 ? 0 : static_cast<std::size_t>(shape[0]);
      const auto expected = *demultiply > 0 ? static_cast<std::size_t>(*demultiply) : parts.value_or(count);
      if (shape.rank() < 2 || count != expected) {
        return invalid_argument(fmt::format("Node {}: {} has shape {}, which cannot be split into {} parts",
                                            graph_.nodes[node].name, graph_.nodes[node].items[position],
                                            shape.to_string(), expected));
      }
      if (count > kMaxParts) return too_many_parts(graph_.nodes[node].name, count, kMaxParts);
      parts = count;
      if (whole.type != DataType::kString) continue;
      auto offsets = string_part_offsets(whole);
      if (!offsets.ok()) return std::move(offsets).status();
      nodes_[node].string_parts[{run, position}] = std::move(offsets).value();
    }
  }
  nodes_[node].parts = parts.value_or(0);
  if (nodes_[node].parts == 0)
    return {StatusCode::kAborted, fmt::format("Node {} gave no results to go on with", graph_.nodes[node].name)};
  return {};
}

// --- running; the functions from here to fail() are called with the lock held, unless they say otherwise

void PipelineRun::open_node(std::size_t node) {
  if (!status_.ok()) return;
  const auto& description = graph_.nodes[node];
  const auto runs = run_count(node);
  if (runs > kMaxRuns) return fail(too_many_parts(description.name, runs, kMaxRuns));
  try {
    auto& calls = nodes_[node].calls;
    for (std::size_t i = 0; i < runs; ++i) {
      auto& made = calls.emplace_back();
      made.run = this;
      made.node = node;
      made.index = i;
      made.call.servable = description.servable;
      made.call.completion = &made;
    }
    ready_.push_back(node);
  } catch (const std::bad_alloc&) {
    fail({StatusCode::kResourceExhausted, "Out of memory"});
  }
}

PipelineRun::NodeCall* PipelineRun::next_call() {
  if (!status_.ok() || in_flight_ >= window_) return nullptr;
  if (put_off_) {
    --nodes_[put_off_->node].running;
    return std::exchange(put_off_, put_off_->next_put_off);
  }
  while (!ready_.empty()) {
    auto& state = nodes_[ready_.back()];
    if (state.launched < state.calls.size()) return &state.calls[state.launched++];
    ready_.pop_back();
  }
  return nullptr;
}

// Without the lock. Launches what may run. Only one thread does so at a time: models that answer within infer() would
// otherwise nest without end.
void PipelineRun::pump() {
  const auto keep = weak_from_this().lock();
  std::unique_lock lock(mutex_);
  if (pumping_) {
    again_ = true;
    return;
  }
  pumping_ = true;
  while (true) {
    if (auto* next = next_call()) {
      next->in_flight = true;
      next->keep = keep;
      next->crowded = in_flight_ > 0;
      ++in_flight_;
      ++nodes_[next->node].running;
      lock.unlock();
      launch(*next);
      lock.lock();
    } else if (again_) {
      again_ = false;
    } else {
      break;
    }
  }
  pumping_ = false;
  const bool over = in_flight_ == 0 && !finished_;
  finished_ = finished_ || over;
  Status status = status_;
  lock.unlock();
  if (over) finish(std::move(status));
}

// Without the lock.
void PipelineRun::launch(NodeCall& node_call) {
  Status status;
  try {
    status = prepare(node_call);
  } catch (const std::bad_alloc&) {
    status = Status(StatusCode::kResourceExhausted, "Out of memory");
  }
  if (status.ok()) return node_call.call.servable->infer(node_call.call);
  node_call.call.status = std::move(status);
  ended(node_call);
}

// Without the lock. Not every servable asks.
bool PipelineRun::tries_again(NodeCall& node_call) noexcept {
  const std::lock_guard lock(mutex_);
  node_call.asked = true;
  node_call.again = status_.ok() && has_company(node_call);
  return node_call.again;
}

bool PipelineRun::has_company(const NodeCall& node_call) const noexcept { return node_call.crowded || in_flight_ > 1; }

Status PipelineRun::prepare(NodeCall& node_call) {
  const auto& node = graph_.nodes[node_call.node];
  auto& call = node_call.call;
  call.deadline = call_.deadline;
  call.priority = call_.priority;
  call.times.received = Clock::now();
  call.charge.bind(call_.charge.budget(), ByteBudget::kUncountedBytes);
  for (const auto& link : node.inputs) {
    auto value = collect(link, node_call.index, node.open);
    if (!value.ok()) return std::move(value).status();
    call.inputs.push_back({link.name, std::move(value).value()});
  }
  for (const auto& item : node.items) call.requested.push_back({item, {}, {}});
  return {};
}

// Without the lock; on any thread.
void PipelineRun::ended(NodeCall& node_call) noexcept {
  const auto keep = node_call.keep;
  {
    const std::lock_guard lock(mutex_);
    if (node_call.pinned) {
      node_call.told = true;
      return;
    }
    settle(node_call);
  }
  stop_calls();
  pump();
}

void PipelineRun::settle(NodeCall& node_call) {
  const auto& outcome = node_call.call.status;
  const bool again =
      node_call.asked ? node_call.again : outcome.code() == StatusCode::kResourceExhausted && has_company(node_call);
  node_call.in_flight = false;
  node_call.keep.reset();
  --in_flight_;
  if (again && status_.ok()) return put_off(node_call);
  if (outcome.ok()) widen();
  auto& state = nodes_[node_call.node];
  --state.running;
  if (!outcome.ok()) return fail(node_failure(node_call));
  if (!status_.ok() || state.running > 0 || state.launched < state.calls.size()) return;
  if (auto status = count_parts(node_call.node); !status.ok()) return fail(std::move(status));
  for (const auto dependent : graph_.nodes[node_call.node].dependents) {
    if (--nodes_[dependent].waits == 0) open_node(dependent);
  }
}

// One more at a time, when it has gone well for long enough that asking for too much again costs little.
void PipelineRun::widen() noexcept {
  constexpr std::size_t kPatience = 32;
  if (window_ >= kWindow || ++went_well_ < std::max(window_, kPatience)) return;
  went_well_ = 0;
  ++window_;
}

// What fills the queue, or the device's memory, are this run's own calls, at least in part: fewer at a time then.
void PipelineRun::put_off(NodeCall& node_call) noexcept {
  window_ = std::max<std::size_t>(in_flight_, 1);
  went_well_ = 0;
  auto& call = node_call.call;
  auto servable = std::move(call.servable);
  call.clear();
  call.servable = std::move(servable);
  call.completion = &node_call;
  node_call.told = node_call.asked = node_call.again = false;
  node_call.next_put_off = std::exchange(put_off_, &node_call);
}

// With the node's name: the inputs and shapes that such an error speaks of are those of the node's model.
Status PipelineRun::node_failure(const NodeCall& node_call) const noexcept {
  const auto& outcome = node_call.call.status;
  // These say nothing of a node.
  if (outcome.code() == StatusCode::kCancelled || outcome.code() == StatusCode::kDeadlineExceeded) return outcome;
  try {
    return {outcome.code(), fmt::format("{}; node: {}", outcome.message(), graph_.nodes[node_call.node].name)};
  } catch (const std::bad_alloc&) {
    return {StatusCode::kResourceExhausted, "Out of memory"};
  }
}

void PipelineRun::fail(Status status) {
  if (status_.ok()) status_ = std::move(status);
}

// Without the lock. After a failure: asks what is in flight to stop. The pin keeps a call from being settled, and so
// from being destroyed, while its servable is told.
void PipelineRun::stop_calls() {
  std::unique_lock lock(mutex_);
  if (status_.ok() || in_flight_ == 0) return;
  const auto keep = weak_from_this().lock();
  for (auto& state : nodes_) {
    // From the back: those that wait go before those that run, whose places they would take.
    for (auto& node_call : std::views::reverse(state.calls)) {
      if (!node_call.in_flight || node_call.pinned || node_call.call.cancelled.load(std::memory_order_relaxed))
        continue;
      node_call.pinned = true;
      lock.unlock();
      node_call.call.servable->cancel(node_call.call);
      lock.lock();
      node_call.pinned = false;
      if (node_call.told) settle(node_call);
    }
  }
}

void PipelineRun::cancel() {
  {
    const std::lock_guard lock(mutex_);
    fail({StatusCode::kCancelled, "Request was cancelled"});
  }
  stop_calls();
  pump();
}

// Without the lock, once, when nothing is in flight and nothing more will be.
void PipelineRun::finish(Status status) {
  std::vector<Tensor> results;
  try {
    for (const auto& output : graph_.outputs) {
      if (!status.ok()) break;
      auto collected = collect(output, 0, {});
      // What the client sent does not outlive the call, so an input that is an output too is copied.
      if (collected.ok() && output.source == 0 && output.depth == 0)
        collected = join_parts({&collected->view, 1}, {}, pool_);
      if (!collected.ok()) {
        status = std::move(collected).status();
        break;
      }
      auto& result = results.emplace_back(std::move(collected).value());
      if (!result.owner) result.owner = nodes_[output.source].calls[0].call.outputs[output.item].tensor.owner;
    }
  } catch (const std::bad_alloc&) {
    status = Status(StatusCode::kResourceExhausted, "Out of memory");
  }
  call_.status = std::move(status);
  done_(call_, std::move(results));
}

}  // namespace ocelli::serving
