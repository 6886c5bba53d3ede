#include "backends/armnn/armnn_request.hpp"

#include <fmt/format.h>

#include "backends/armnn/armnn_types.hpp"
#include "backends/armnn/run_error.hpp"
#include "backends/armnn/run_log.hpp"
#include "runtime/tensor_check.hpp"

namespace ocelli::arm_nn {
namespace {

// Stands for an input that has not been set.
const void* const kNothing = nullptr;

}  // namespace

ArmnnRequest::ArmnnRequest(ArmnnModel& model) : model_(model) {
  for (const auto& [id, info] : model.inputs()) {
    input_infos_.push_back(plain_info(info));
    inputs_.emplace_back(id, ::armnn::ConstTensor(input_infos_.back(), kNothing));
  }
  for (std::size_t i = 0; i < model.outputs().size(); ++i) {
    const auto& [id, info] = model.outputs()[i];
    const TensorSpec& spec = model.signature().outputs[i];
    const Shape shape = spec.shape.static_shape().value_or(Shape{});
    const std::size_t bytes = info.GetNumBytes();
    auto memory = Buffer::allocate(bytes);
    const TensorView own{spec.type, shape, memory->data(), bytes};
    places_.push_back({std::move(memory), own, {}});
    output_infos_.push_back(plain_info(info));
    outputs_.emplace_back(id, ::armnn::Tensor(output_infos_.back(), own.data));
  }
}

Status ArmnnRequest::set_input(std::size_t index, const TensorView& view) {
  if (index >= inputs_.size()) return no_such_tensor("input", index, inputs_.size());
  if (auto status = check_tensor(model_.signature().inputs[index], view, "input"); !status.ok()) return status;
  inputs_[index].second = ::armnn::ConstTensor(input_infos_[index], static_cast<const void*>(view.data));
  return {};
}

Status ArmnnRequest::set_output(std::size_t index, const TensorView& view) {
  if (index >= outputs_.size()) return no_such_tensor("output", index, outputs_.size());
  if (auto status = check_tensor(model_.signature().outputs[index], view, "output"); !status.ok()) return status;
  places_[index].bound = view;
  place_output(index);
  return {};
}

void ArmnnRequest::clear_output(std::size_t index) noexcept {
  if (index >= outputs_.size()) return;
  places_[index].bound = {};
  place_output(index);
}

void ArmnnRequest::place_output(std::size_t index) {
  outputs_[index].second = ::armnn::Tensor(output_infos_[index], places_[index].place().data);
}

void ArmnnRequest::start(InferCompletion& completion) noexcept {
  completion_ = &completion;
  cancelled_.store(false);
  model_.copies().submit(*this);
}

void ArmnnRequest::work(::armnn::IRuntime& runtime, ::armnn::NetworkId network) noexcept {
  status_ = cancelled_.load() ? Status(StatusCode::kCancelled, "the run was cancelled") : run_network(runtime, network);
}

void ArmnnRequest::done() noexcept {
  const Status status = std::exchange(status_, {});
  completion_->on_infer_done(status);  // this request may be gone from here on
}

Status ArmnnRequest::run() noexcept {
  cancelled_.store(false);
  model_.copies().run_here(*this);
  return std::exchange(status_, {});
}

Status ArmnnRequest::run_network(::armnn::IRuntime& runtime, ::armnn::NetworkId network) noexcept {
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (inputs_[i].second.GetMemoryArea() == kNothing)
      return invalid_argument(fmt::format("input {} has not been set", model_.signature().inputs[i].name));
  }
  try {
    const RunLog log;
    if (runtime.EnqueueWorkload(network, inputs_, outputs_) != ::armnn::Status::Success) return run_error(log.text());
  } catch (const std::exception& failure) {
    return to_status(failure, StatusCode::kInternal, "ARM NN failed to run the model");
  }
  has_run_ = true;
  return {};
}

Result<TensorView> ArmnnRequest::output(std::size_t index) {
  if (index >= outputs_.size()) return no_such_tensor("output", index, outputs_.size());
  if (!has_run_) return internal_error("the request has not run yet");
  return places_[index].place();
}

}  // namespace ocelli::arm_nn
