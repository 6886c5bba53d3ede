// SimulatedModel and its requests: outputs are made of the inputs' bytes, so that a mix-up of requests or rows is
// visible.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "backends/simulated/simulated_device.hpp"
#include "runtime/compiled_model.hpp"

namespace ocelli::simulated {

// A signature on a device.
class SimulatedModel final : public CompiledModel {
 public:
  // The device's memory for the model, info.memory_bytes, has been taken already; it is given back here.
  SimulatedModel(ModelSignature signature, ExecutionInfo info, std::shared_ptr<SimulatedDevice> device);
  ~SimulatedModel() override;

  [[nodiscard]] const ModelSignature& signature() const noexcept override { return signature_; }
  [[nodiscard]] const ExecutionInfo& info() const noexcept override { return info_; }
  [[nodiscard]] bool shapes_follow_inputs() const noexcept override { return true; }
  Result<std::unique_ptr<InferRequest>> create_request() override;

 private:
  ModelSignature signature_;
  ExecutionInfo info_;
  std::shared_ptr<SimulatedDevice> device_;
};

// Output k is made from input k (from the last input when there are fewer inputs): each row along the first dimension
// repeats the bytes of the same row of that input until it is full. Same shape and type: a copy. Strings: a copy of the
// packed form.
class SimulatedRequest final : public InferRequest, private Job {
 public:
  SimulatedRequest(const ModelSignature& signature, SimulatedDevice& device);

  Status set_input(std::size_t index, const TensorView& view) override;
  Status set_output(std::size_t index, const TensorView& view) override;
  void clear_output(std::size_t index) noexcept override;
  void start(InferCompletion& completion) noexcept override;
  Status run() noexcept override;
  void cancel() noexcept override { device_.cancel(*this); }
  Result<TensorView> output(std::size_t index) override;

 private:
  struct Output {
    TensorView bound;  // data is null when not bound
    std::vector<std::byte> own;
    TensorView result;
  };

  void on_done(Status status) noexcept override;
  Status compute() noexcept;
  Status compute_one(std::size_t index);

  const ModelSignature& signature_;
  SimulatedDevice& device_;
  std::vector<TensorView> inputs_;
  std::vector<Output> outputs_;
  InferCompletion* completion_ = nullptr;
};

}  // namespace ocelli::simulated
