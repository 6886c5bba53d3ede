// RemoteRequest: a request in the worker behind InferRequest.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "backends/openvino_c/protocol/shared_arena.hpp"
#include "backends/openvino_c/worker_supervisor.hpp"
#include "runtime/infer_request.hpp"
#include "runtime/run_waiter.hpp"

namespace ocelli::openvino_c {

// Inputs are copied into the shared memory when a run starts, once, and read there by the worker's library. Outputs are
// written there by it; one that is bound is copied out once when the run ends, one that is not is shown where it lies.
class RemoteRequest final : public InferRequest, private RunHandler {
 public:
  static Result<std::unique_ptr<InferRequest>> create(WorkerSupervisor& supervisor, std::uint64_t model,
                                                      const ModelSignature& signature);
  ~RemoteRequest() override;

  Status set_input(std::size_t index, const TensorView& view) override;
  Status set_output(std::size_t index, const TensorView& view) override;
  void clear_output(std::size_t index) noexcept override;
  void start(InferCompletion& completion) noexcept override;
  Status run() noexcept override;
  void cancel() noexcept override;
  Result<TensorView> output(std::size_t index) override;

 private:
  struct Output {
    TensorView bound;
    bool is_bound = false;
    TensorView result;  // in the shared memory; its type is kUndefined before a run
  };
  RemoteRequest(WorkerSupervisor& supervisor, const ModelSignature& signature, SharedArena arena);
  Status begin();
  Status place_inputs();
  Status take_outputs(const RunDone& done);
  Status check_place(std::size_t index, const TensorPlace& place) const;
  void on_run_done(const RunDone& done) noexcept override;
  void on_run_lost(const Status& status) noexcept override;

  WorkerSupervisor& supervisor_;
  const ModelSignature& signature_;
  SharedArena arena_;
  std::uint64_t id_ = 0;
  std::vector<TensorView> inputs_;  // type kUndefined: not set
  std::vector<Output> outputs_;
  StartRun message_;  // reused, so that its list keeps its memory
  std::atomic<std::uint64_t> run_{0};
  InferCompletion* completion_ = nullptr;
  RunWaiter waiter_;  // of run()
  std::uint64_t static_output_bytes_ = 0;
  bool dynamic_ = false;
};

}  // namespace ocelli::openvino_c
