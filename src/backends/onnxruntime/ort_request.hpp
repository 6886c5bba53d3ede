// OrtRequest: one slot of an OrtModel. ONNX Runtime's runs block, so start() hands them to the model's worker threads.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include "backends/onnxruntime/ort_api.hpp"
#include "backends/onnxruntime/ort_model.hpp"
#include "backends/onnxruntime/worker_pool.hpp"
#include "runtime/infer_request.hpp"
#include "runtime/run_waiter.hpp"

namespace ocelli::onnxruntime {

class OrtRequest final : public InferRequest, private WorkerPool::Task {
 public:
  static Result<std::unique_ptr<InferRequest>> create(const OrtApi& api, OrtModel& model);

  Status set_input(std::size_t index, const TensorView& view) override;
  Status set_output(std::size_t index, const TensorView& view) override;
  void clear_output(std::size_t index) noexcept override;
  void start(InferCompletion& completion) noexcept override;
  Status run() noexcept override;
  void cancel() noexcept override;
  Result<TensorView> output(std::size_t index) override;

 private:
  // OrtValues over callers' memory that came lately. Buffers come back from pools, so most bindings find theirs here
  // and nothing is allocated.
  struct Binding {
    struct Entry {
      std::byte* data = nullptr;
      Shape shape;
      OrtOwner<OrtValue> value;
    };
    std::array<Entry, 4> entries;
    std::size_t next = 0;
  };
  struct Input {
    Binding binding;
    OrtOwner<OrtValue> strings;
    PinnedTensor pinned;  // on the way to an NVIDIA card
  };
  struct Output {
    Binding binding;
    PinnedTensor pinned;  // on the way from an NVIDIA card to what is bound
    TensorView view;      // of what is bound
    bool bound = false;
    bool in_place = false;          // the last run wrote to what is bound
    OrtOwner<OrtValue> result;      // made by the last run, when not in place
    std::vector<std::byte> packed;  // of string outputs
  };

  OrtRequest(const OrtApi& api, OrtModel& model, OrtOwner<OrtRunOptions> options, OrtOwner<OrtMemoryInfo> memory);
  void work() noexcept override;
  Status run_session() noexcept;
  Status run_plain() noexcept;
  Status run_placed() noexcept;
  // Decides for each output whether the next run writes it where it is bound.
  void place_outputs() noexcept;
  Status call_session() noexcept;
  // Runs on a card: by a recorded graph; and the way of tensors through pinned memory before and after other runs.
  Status run_graph() noexcept;
  Status stage();
  void deliver() noexcept;
  Status arrange_shrinking();
  Result<OrtValue*> bind(Binding& binding, const TensorView& view);

  const OrtApi& api_;
  OrtModel& model_;
  OrtOwner<OrtRunOptions> options_;
  OrtOwner<OrtMemoryInfo> memory_;
  std::vector<Input> inputs_;
  std::vector<Output> outputs_;
  std::vector<TensorView> input_views_;
  // Set when the model runs by CUDA graphs.
  std::unique_ptr<CudaGraphRun> graph_;
  bool shrinks_ = false;
  // What the next run reads and writes, in the session's order. An output that is null is made by the run.
  std::vector<const OrtValue*> input_values_;
  std::vector<OrtValue*> output_values_;
  InferCompletion* completion_ = nullptr;
  RunWaiter waiter_;  // of run()
  std::atomic<bool> cancelled_{false};
  bool dynamic_ = false;
};

}  // namespace ocelli::onnxruntime
