#include "backends/simulated/simulated_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "runtime/tensor_check.hpp"

namespace ocelli::simulated {
namespace {

// Waits on the calling thread for a run that ends on the timer's.
class Waiter final : public InferCompletion {
 public:
  void on_infer_done(const Status& status) noexcept override {
    const std::lock_guard lock(mutex_);
    status_ = status;
    done_ = true;
    ended_.notify_one();
  }
  Status wait() {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [&] { return done_; });
    return std::move(status_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  Status status_;
  bool done_ = false;
};

void repeat(const std::byte* source, std::size_t source_bytes, std::byte* target, std::size_t target_bytes) noexcept {
  if (source_bytes == 0) {
    std::fill_n(target, target_bytes, std::byte{0});
    return;
  }
  for (std::size_t at = 0; at < target_bytes; at += source_bytes) {
    std::memcpy(target + at, source, std::min(source_bytes, target_bytes - at));
  }
}

// The output's shape in this run: dynamic extents are those of the input's same axis, 1 beyond its rank.
Shape shape_of_output(const PartialShape& shape, const Shape& input) {
  Shape result;
  for (std::size_t axis = 0; axis < shape.dims.size(); ++axis) {
    const Dimension& dim = shape.dims[axis];
    result.push_back(dim.is_static() ? dim.min : axis < input.rank() ? input[axis] : 1);
  }
  return result;
}

}  // namespace

SimulatedModel::SimulatedModel(ModelSignature signature, ExecutionInfo info, std::shared_ptr<SimulatedDevice> device)
    : signature_(std::move(signature)), info_(std::move(info)), device_(std::move(device)) {}

SimulatedModel::~SimulatedModel() { device_->give_memory_back(info_.memory_bytes); }

Result<std::unique_ptr<InferRequest>> SimulatedModel::create_request() {
  return std::unique_ptr<InferRequest>(std::make_unique<SimulatedRequest>(signature_, *device_));
}

SimulatedRequest::SimulatedRequest(const ModelSignature& signature, SimulatedDevice& device)
    : signature_(signature), device_(device), inputs_(signature.inputs.size()), outputs_(signature.outputs.size()) {}

Status SimulatedRequest::set_input(std::size_t index, const TensorView& view) {
  if (index >= inputs_.size()) return no_such_tensor("input", index, inputs_.size());
  if (auto status = check_tensor(signature_.inputs[index], view, "input"); !status.ok()) return status;
  inputs_[index] = view;
  return {};
}

Status SimulatedRequest::set_output(std::size_t index, const TensorView& view) {
  if (index >= outputs_.size()) return no_such_tensor("output", index, outputs_.size());
  if (view.type == DataType::kString) return invalid_argument("string outputs cannot be bound");
  if (auto status = check_tensor(signature_.outputs[index], view, "output"); !status.ok()) return status;
  outputs_[index].bound = view;
  return {};
}

void SimulatedRequest::clear_output(std::size_t index) noexcept {
  if (index < outputs_.size()) outputs_[index].bound = {};
}

void SimulatedRequest::start(InferCompletion& completion) noexcept {
  completion_ = &completion;
  const auto& first = inputs_.front();
  device_.submit(*this, first.shape.rank() > 0 ? first.shape[0] : 1);
}

Status SimulatedRequest::run() noexcept {
  Waiter waiter;
  start(waiter);
  return waiter.wait();
}

void SimulatedRequest::on_done(Status status) noexcept {
  if (status.ok()) status = compute();
  completion_->on_infer_done(status);
}

Status SimulatedRequest::compute() noexcept {
  try {
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      if (auto status = compute_one(i); !status.ok()) return status;
    }
    return {};
  } catch (const std::bad_alloc&) {
    return {StatusCode::kResourceExhausted, "out of memory for the outputs"};
  }
}

Status SimulatedRequest::compute_one(std::size_t index) {
  const TensorSpec& spec = signature_.outputs[index];
  const std::size_t source_index = std::min(index, inputs_.size() - 1);
  const TensorView& input = inputs_[source_index];
  if (input.type == DataType::kUndefined) {
    return invalid_argument(fmt::format("input {} has not been set", signature_.inputs[source_index].name));
  }
  Output& output = outputs_[index];
  TensorView result{spec.type, shape_of_output(spec.shape, input.shape), nullptr, 0};
  const bool strings = spec.type == DataType::kString;
  result.bytes = strings ? input.bytes : result.shape.element_count().value_or(0) * element_size(spec.type);
  if (output.bound.data) {
    if (output.bound.shape != result.shape) {
      return invalid_argument(fmt::format("output {} has shape {}; it was bound with {}", spec.name,
                                          result.shape.to_string(), output.bound.shape.to_string()));
    }
    result.data = output.bound.data;
  } else {
    if (output.own.size() < result.bytes) output.own.resize(result.bytes);
    result.data = output.own.data();
  }
  const bool by_rows = !strings && result.shape.rank() > 0 && input.shape.rank() > 0 &&
                       result.shape[0] == input.shape[0] && input.shape[0] > 0;
  const std::size_t rows = by_rows ? static_cast<std::size_t>(input.shape[0]) : 1;
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t from = input.bytes / rows;
    const std::size_t to = result.bytes / rows;
    repeat(input.data + row * from, from, result.data + row * to, to);
  }
  output.result = result;
  return {};
}

Result<TensorView> SimulatedRequest::output(std::size_t index) {
  if (index >= outputs_.size()) return no_such_tensor("output", index, outputs_.size());
  if (outputs_[index].result.type == DataType::kUndefined) return internal_error("the request has not run yet");
  return outputs_[index].result;
}

}  // namespace ocelli::simulated
