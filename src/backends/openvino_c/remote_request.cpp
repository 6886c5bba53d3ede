#include "backends/openvino_c/remote_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "runtime/open_dimensions.hpp"
#include "runtime/run_failure.hpp"
#include "runtime/tensor_check.hpp"

namespace ocelli::openvino_c {

Result<std::unique_ptr<InferRequest>> RemoteRequest::create(WorkerSupervisor& supervisor, std::uint64_t model,
                                                            const ModelSignature& signature) {
  auto arena = SharedArena::create();
  if (!arena.ok()) return arena.status();
  std::unique_ptr<RemoteRequest> request(new RemoteRequest(supervisor, signature, std::move(*arena)));
  auto opened = supervisor.open(model, request->arena_.fd(), *request);
  if (!opened.ok()) return opened.status();
  request->id_ = *opened;
  request->message_.request = *opened;
  return std::unique_ptr<InferRequest>(std::move(request));
}

RemoteRequest::RemoteRequest(WorkerSupervisor& supervisor, const ModelSignature& signature, SharedArena arena)
    : supervisor_(supervisor),
      signature_(signature),
      arena_(std::move(arena)),
      inputs_(signature.inputs.size()),
      outputs_(signature.outputs.size()) {
  message_.inputs.resize(inputs_.size());
  dynamic_ = has_open_dimensions(signature);
  for (const auto& output : signature.outputs) {
    const auto shape = output.shape.static_shape();
    if (shape) {
      static_output_bytes_ += SharedArena::aligned(shape->element_count().value_or(0) * element_size(output.type));
    }
  }
}

RemoteRequest::~RemoteRequest() {
  if (id_ != 0) supervisor_.close(id_);
}

Status RemoteRequest::set_input(std::size_t index, const TensorView& view) {
  if (index >= inputs_.size()) return no_such_tensor("input", index, inputs_.size());
  if (auto status = check_tensor(signature_.inputs[index], view, "input"); !status.ok()) return status;
  inputs_[index] = view;
  return {};
}

Status RemoteRequest::set_output(std::size_t index, const TensorView& view) {
  if (index >= outputs_.size()) return no_such_tensor("output", index, outputs_.size());
  if (auto status = check_tensor(signature_.outputs[index], view, "output"); !status.ok()) return status;
  outputs_[index].bound = view;
  outputs_[index].is_bound = true;
  return {};
}

void RemoteRequest::clear_output(std::size_t index) noexcept {
  if (index >= outputs_.size() || !outputs_[index].is_bound) return;
  outputs_[index].is_bound = false;
  outputs_[index].result = {};
}

Status RemoteRequest::place_inputs() {
  std::uint64_t next = 0;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (inputs_[i].type == DataType::kUndefined)
      return invalid_argument(fmt::format("input {} has not been set", signature_.inputs[i].name));
    message_.inputs[i] = {inputs_[i].shape, next, inputs_[i].bytes};
    next = SharedArena::aligned(next + std::max<std::uint64_t>(1, inputs_[i].bytes));
  }
  message_.outputs_at = next;
  // The worker adds a little more, so that no tensor ends at the very end.
  if (auto status = arena_.reserve(next + static_output_bytes_ + SharedArena::kAlignment); !status.ok()) return status;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (inputs_[i].bytes > 0) std::memcpy(arena_.data() + message_.inputs[i].offset, inputs_[i].data, inputs_[i].bytes);
  }
  return {};
}

Status RemoteRequest::begin() {
  if (auto status = place_inputs(); !status.ok()) return status;
  message_.run = ++run_;
  return supervisor_.start(message_);
}

void RemoteRequest::start(InferCompletion& completion) noexcept {
  completion_ = &completion;
  if (const Status status = begin(); !status.ok()) completion.on_infer_done(status);
}

Status RemoteRequest::run() noexcept {
  start(waiter_);
  // A completion may run another request, and it is the supervisor's thread that has to carry that run's answer.
  supervisor_.work_until([this] { return waiter_.done(); });
  return waiter_.wait();
}

void RemoteRequest::cancel() noexcept { supervisor_.cancel(id_, run_); }

Status RemoteRequest::check_place(std::size_t index, const TensorPlace& place) const {
  const TensorSpec& spec = signature_.outputs[index];
  const auto elements = place.shape.element_count();
  const bool is_right = elements && spec.shape.accepts(place.shape) &&
                        place.bytes == *elements * element_size(spec.type) && place.offset <= SharedArena::kMaxBytes &&
                        place.bytes <= SharedArena::kMaxBytes;
  if (!is_right) return internal_error(fmt::format("the OpenVINO worker gave output {} as no model can", spec.name));
  const Output& output = outputs_[index];
  if (output.is_bound && !(output.bound.shape == place.shape)) {
    return internal_error(fmt::format("output {} has shape {}; memory for {} was given", spec.name,
                                      place.shape.to_string(), output.bound.shape.to_string()));
  }
  return {};
}

Status RemoteRequest::take_outputs(const RunDone& done) {
  if (done.outputs.size() != outputs_.size())
    return internal_error("the OpenVINO worker gave another number of outputs");
  std::uint64_t end = 0;
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    if (auto status = check_place(i, done.outputs[i]); !status.ok()) return status;
    end = std::max(end, done.outputs[i].offset + done.outputs[i].bytes);
  }
  if (auto status = arena_.follow(end); !status.ok()) return status;
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const auto& place = done.outputs[i];
    Output& output = outputs_[i];
    output.result = {signature_.outputs[i].type, place.shape, arena_.data() + place.offset, place.bytes};
    if (output.is_bound && place.bytes > 0) std::memcpy(output.bound.data, output.result.data, place.bytes);
  }
  return {};
}

void RemoteRequest::on_run_done(const RunDone& done) noexcept {
  if (done.status.ok()) {
    completion_->on_infer_done(take_outputs(done));
  } else {
    completion_->on_infer_done(judge_run_failure(done.status, dynamic_));
  }
}

void RemoteRequest::on_run_lost(const Status& status) noexcept { completion_->on_infer_done(status); }

Result<TensorView> RemoteRequest::output(std::size_t index) {
  if (index >= outputs_.size()) return no_such_tensor("output", index, outputs_.size());
  const Output& output = outputs_[index];
  if (output.is_bound) return output.bound;
  if (output.result.type == DataType::kUndefined) return internal_error("the request has not run yet");
  return output.result;
}

}  // namespace ocelli::openvino_c
