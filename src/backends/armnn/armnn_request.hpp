// ArmnnRequest: one slot of an ArmnnModel. ARM NN's runs block and cannot be interrupted: cancel() keeps a run that has
// not begun from beginning, and lets one that has begun end with its result.
#pragma once

#include <armnn/Tensor.hpp>
#include <atomic>
#include <vector>

#include "backends/armnn/armnn_model.hpp"
#include "backends/armnn/network_copies.hpp"
#include "runtime/infer_request.hpp"
#include "tensor/buffer.hpp"

namespace ocelli::arm_nn {

class ArmnnRequest final : public InferRequest, private NetworkCopies::Task {
 public:
  // Throws std::bad_alloc.
  explicit ArmnnRequest(ArmnnModel& model);

  Status set_input(std::size_t index, const TensorView& view) override;
  Status set_output(std::size_t index, const TensorView& view) override;
  void clear_output(std::size_t index) noexcept override;
  void start(InferCompletion& completion) noexcept override;
  Status run() noexcept override;
  void cancel() noexcept override { cancelled_.store(true); }
  Result<TensorView> output(std::size_t index) override;

 private:
  // Where an output goes: its own memory, or what is bound.
  struct Output {
    BufferRef memory;
    TensorView own;
    TensorView bound;
    [[nodiscard]] const TensorView& place() const noexcept { return bound.data ? bound : own; }
  };

  void work(::armnn::IRuntime& runtime, ::armnn::NetworkId network) noexcept override;
  void done() noexcept override;
  Status run_network(::armnn::IRuntime& runtime, ::armnn::NetworkId network) noexcept;
  void place_output(std::size_t index);

  ArmnnModel& model_;
  std::vector<::armnn::TensorInfo> input_infos_;  // without quantization: copying them does not allocate
  std::vector<::armnn::TensorInfo> output_infos_;
  ::armnn::InputTensors inputs_;
  ::armnn::OutputTensors outputs_;
  std::vector<Output> places_;
  Status status_;  // of the run, between work() and done()
  InferCompletion* completion_ = nullptr;
  std::atomic<bool> cancelled_{false};
  bool has_run_ = false;
};

}  // namespace ocelli::arm_nn
