// PipelineRun: one call on its way through a pipeline.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "serving/inference_call.hpp"
#include "serving/pipeline_graph.hpp"
#include "tensor/buffer_pool.hpp"

namespace ocelli::serving {

// Runs the nodes as their inputs become complete; parts of a demultiplexer run side by side. Thread-safe. Keeps itself
// alive until the last of its nodes' calls has ended.
class PipelineRun final : public std::enable_shared_from_this<PipelineRun> {
 public:
  // Calls of nodes that are in flight at once; parts beyond them wait here, so that one request does not fill a model's
  // queue. A call that finds the queue full while others of this run are in flight waits for one of them.
  static constexpr std::size_t kWindow = 64;
  // Told once when everything has ended, with call.status and, when that is OK, the results in the order of
  // graph.outputs.
  using Done = std::function<void(InferenceCall& call, std::vector<Tensor> results)>;

  // graph and pool belong to call.servable, which the run keeps alive; call.work.inputs holds the client's inputs in
  // the order of graph.input_specs.
  PipelineRun(const PipelineGraph& graph, BufferPool& pool, InferenceCall& call, Done done);
  ~PipelineRun();

  // Begins with what depends on the request alone. Call once: nothing ends before it, not even what was cancelled.
  void start();
  // Ends the run with kCancelled: nothing more starts, what is in flight is asked to stop.
  void cancel();

 private:
  struct NodeCall;
  struct NodeState;

  void pump();
  NodeCall* next_call();
  void open_node(std::size_t node);
  void launch(NodeCall& node_call);
  Status prepare(NodeCall& node_call);
  bool tries_again(NodeCall& node_call) noexcept;
  // With the lock. Where a call found no room: whether it is this run's own calls, at least in part, that take it.
  [[nodiscard]] bool has_company(const NodeCall& node_call) const noexcept;
  void ended(NodeCall& node_call) noexcept;
  void settle(NodeCall& node_call);
  void put_off(NodeCall& node_call) noexcept;
  void widen() noexcept;
  Status count_parts(std::size_t node);
  Status find_parts(std::size_t node);
  [[nodiscard]] Status node_failure(const NodeCall& node_call) const noexcept;
  void fail(Status status);
  void stop_calls();
  void finish(Status status);

  // Counts on only until there are too many.
  [[nodiscard]] std::size_t run_count(std::size_t node) const noexcept;
  [[nodiscard]] TensorView item(std::size_t node, std::size_t run, std::size_t position) const;
  [[nodiscard]] TensorView value(const PipelineLink& link, std::size_t index) const;
  Result<Tensor> collect(const PipelineLink& link, std::size_t run, const std::vector<std::size_t>& open);
  [[nodiscard]] std::vector<std::size_t> open_after(std::size_t node) const;

  const ServableHandle owner_;  // a thread may leave the run after the call was told
  const PipelineGraph& graph_;
  BufferPool& pool_;
  InferenceCall& call_;
  const Done done_;

  std::mutex mutex_;
  std::vector<NodeState> nodes_;
  std::vector<std::size_t> ready_;  // nodes with calls to launch
  std::size_t in_flight_ = 0;
  std::size_t window_ = kWindow;  // how many may be
  std::size_t went_well_ = 0;     // since the window changed
  NodeCall* put_off_ = nullptr;   // found a full queue; linked
  bool pumping_ = true;           // until start()
  bool again_ = false;
  bool finished_ = false;
  Status status_;
};

}  // namespace ocelli::serving
