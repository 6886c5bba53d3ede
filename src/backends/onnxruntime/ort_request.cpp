#include "backends/onnxruntime/ort_request.hpp"

#include <fmt/format.h>

#include <cstring>

#include "backends/onnxruntime/ort_types.hpp"
#include "backends/onnxruntime/run_error.hpp"
#include "runtime/open_dimensions.hpp"
#include "runtime/run_failure.hpp"
#include "runtime/tensor_check.hpp"

namespace ocelli::onnxruntime {
namespace {

// ONNX Runtime refuses null even where there is nothing to point at.
std::byte nothing{};

Status check(const OrtApi& api, OrtStatus* status) { return take(api, status, StatusCode::kInternal); }

// What ONNX Runtime says (since 1.24, and before) when a run gives a shape other than that of the memory which was
// given for it.
bool is_refused_binding(const Status& status) {
  const auto says = [&](std::string_view text) { return status.message().find(text) != std::string_view::npos; };
  return says("but the computed output shape") || says("shape verification failed");
}

}  // namespace

Result<std::unique_ptr<InferRequest>> OrtRequest::create(const OrtApi& api, OrtModel& model) {
  auto options =
      make_owner<OrtRunOptions>(api, StatusCode::kInternal, [&](auto** out) { return api.CreateRunOptions(out); });
  if (!options.ok()) return options.status();
  auto memory = make_owner<OrtMemoryInfo>(api, StatusCode::kInternal, [&](auto** out) {
    return api.CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, out);
  });
  if (!memory.ok()) return memory.status();
  std::unique_ptr<OrtRequest> request(new OrtRequest(api, model, std::move(*options), std::move(*memory)));
  if (auto* card = model.nvidia_memory(); card && card->uses_cuda_graph()) {
    auto graph = CudaGraphRun::create(api, model.session(), *card, model.signature(), *request->options_);
    if (!graph.ok()) return graph.status();
    request->graph_ = std::move(*graph);
  }
  return std::unique_ptr<InferRequest>(std::move(request));
}

OrtRequest::OrtRequest(const OrtApi& api, OrtModel& model, OrtOwner<OrtRunOptions> options,
                       OrtOwner<OrtMemoryInfo> memory)
    : api_(api),
      model_(model),
      options_(std::move(options)),
      memory_(std::move(memory)),
      inputs_(model.signature().inputs.size()),
      outputs_(model.signature().outputs.size()),
      input_views_(inputs_.size()),
      input_values_(inputs_.size()),
      output_values_(outputs_.size()) {
  dynamic_ = has_open_dimensions(model.signature());
}

Result<OrtValue*> OrtRequest::bind(Binding& binding, const TensorView& view) {
  for (auto& entry : binding.entries) {
    if (entry.value && entry.data == view.data && entry.shape == view.shape) return entry.value.get();
  }
  auto value = make_owner<OrtValue>(api_, StatusCode::kInvalidArgument, [&](auto** out) {
    void* data = view.data ? static_cast<void*>(view.data) : &nothing;
    return api_.CreateTensorWithDataAsOrtValue(memory_.get(), data, view.bytes, view.shape.begin(), view.shape.rank(),
                                               to_ort(view.type), out);
  });
  if (!value.ok()) return value.status();
  auto& entry = binding.entries[binding.next];
  binding.next = (binding.next + 1) % binding.entries.size();
  entry = {view.data, view.shape, std::move(*value)};
  return entry.value.get();
}

Status OrtRequest::set_input(std::size_t index, const TensorView& view) {
  if (index >= inputs_.size()) return no_such_tensor("input", index, inputs_.size());
  if (auto status = check_tensor(model_.signature().inputs[index], view, "input"); !status.ok()) return status;
  input_views_[index] = view;
  if (view.type != DataType::kString) {
    auto value = bind(inputs_[index].binding, view);
    if (!value.ok()) return value.status();
    input_values_[index] = *value;
    return {};
  }
  OrtAllocator* allocator = nullptr;
  if (auto status = check(api_, api_.GetAllocatorWithDefaultOptions(&allocator)); !status.ok()) return status;
  auto value = make_owner<OrtValue>(api_, StatusCode::kInternal, [&](auto** out) {
    return api_.CreateTensorAsOrtValue(allocator, view.shape.begin(), view.shape.rank(),
                                       ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, out);
  });
  if (!value.ok()) return value.status();
  if (auto status = fill_strings(api_, **value, view); !status.ok()) return status;
  inputs_[index].strings = std::move(*value);
  input_values_[index] = inputs_[index].strings.get();
  return {};
}

Status OrtRequest::set_output(std::size_t index, const TensorView& view) {
  if (index >= outputs_.size()) return no_such_tensor("output", index, outputs_.size());
  if (view.type == DataType::kString) return invalid_argument("string outputs cannot be bound");
  if (auto status = check_tensor(model_.signature().outputs[index], view, "output"); !status.ok()) return status;
  Output& output = outputs_[index];
  auto value = bind(output.binding, view);
  if (!value.ok()) return value.status();
  output.result.reset();
  output.bound = output.in_place = true;
  output.view = view;
  output_values_[index] = *value;
  return {};
}

void OrtRequest::clear_output(std::size_t index) noexcept {
  if (index >= outputs_.size() || !outputs_[index].bound) return;
  outputs_[index].bound = outputs_[index].in_place = false;
  output_values_[index] = nullptr;
}

void OrtRequest::start(InferCompletion& completion) noexcept {
  completion_ = &completion;
  cancelled_.store(false);
  (void)check(api_, api_.RunOptionsUnsetTerminate(options_.get()));
  model_.workers().submit(*this);
}

void OrtRequest::work() noexcept {
  const Status status = cancelled_.load() ? Status(StatusCode::kCancelled, "the run was cancelled") : run_session();
  completion_->on_infer_done(status);
}

Status OrtRequest::run() noexcept {
  // ONNX Runtime keeps recordings for each thread and records while no other thread uses the card: all of it is the
  // model's one worker's.
  if (graph_) {
    start(waiter_);
    return waiter_.wait();
  }
  cancelled_.store(false);
  (void)check(api_, api_.RunOptionsUnsetTerminate(options_.get()));
  return run_session();
}

void OrtRequest::cancel() noexcept {
  cancelled_.store(true);
  (void)check(api_, api_.RunOptionsSetTerminate(options_.get()));
}

Status OrtRequest::arrange_shrinking() {
  std::size_t bytes = 0;
  for (const auto& view : input_views_) bytes += view.bytes;
  const bool shrink = model_.shrinking().shrink_after(bytes);
  if (shrink == shrinks_) return {};
  shrinks_ = shrink;
  const char* arena = shrink ? model_.arena().c_str() : "";
  return check(api_, api_.AddRunConfigEntry(options_.get(), "memory.enable_memory_arena_shrinkage", arena));
}

Status OrtRequest::stage() {
  NvidiaMemory& card = *model_.nvidia_memory();
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const TensorView& view = input_views_[i];
    if (view.type == DataType::kString || view.bytes == 0) continue;
    auto data = inputs_[i].pinned.reserve(api_, card, view.type, view.shape);
    if (!data.ok()) return data.status();
    std::memcpy(*data, view.data, view.bytes);
    input_values_[i] = inputs_[i].pinned.value();
  }
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    Output& output = outputs_[i];
    if (!output.in_place || output.view.bytes == 0) continue;
    if (auto data = output.pinned.reserve(api_, card, output.view.type, output.view.shape); !data.ok())
      return data.status();
    output_values_[i] = output.pinned.value();
  }
  return {};
}

void OrtRequest::deliver() noexcept {
  for (auto& output : outputs_) {
    if (output.in_place && output.view.bytes > 0)
      std::memcpy(output.view.data, output.pinned.view().data, output.view.bytes);
  }
}

Status OrtRequest::run_graph() noexcept {
  auto status = graph_->run(model_.session(), *options_, input_views_);
  for (auto& output : outputs_) output.in_place = output.bound;
  for (std::size_t i = 0; status.ok() && i < outputs_.size(); ++i) {
    if (outputs_[i].bound && outputs_[i].view.bytes > 0)
      std::memcpy(outputs_[i].view.data, graph_->output(i).data, outputs_[i].view.bytes);
  }
  return status;
}

Status OrtRequest::call_session() noexcept {
  return check(api_, api_.Run(&model_.session(), options_.get(), model_.input_names().data(), input_values_.data(),
                              inputs_.size(), model_.output_names().data(), outputs_.size(), output_values_.data()));
}

void OrtRequest::place_outputs() noexcept {
  const bool binds = model_.binds_outputs();
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    outputs_[i].in_place = outputs_[i].bound && binds;
    if (outputs_[i].in_place) continue;
    outputs_[i].result.reset();
    output_values_[i] = nullptr;
  }
}

Status OrtRequest::run_plain() noexcept {
  Status status = run_placed();
  if (status.ok() || !model_.binds_outputs() || !is_refused_binding(status)) return status;
  // The file says something of its outputs' shapes that is not so: from now on ONNX Runtime places them.
  model_.stop_binding_outputs();
  return run_placed();
}

Status OrtRequest::run_placed() noexcept {
  place_outputs();
  const bool on_card = model_.nvidia_memory() != nullptr;
  if (on_card) {
    if (auto status = stage(); !status.ok()) return status;
  }
  if (auto status = arrange_shrinking(); !status.ok()) return status;
  Status status = call_session();
  if (shrinks_ && refuses_to_shrink(status.message())) {
    // A session without an arena refuses to shrink it. The caller asked for an answer, not for that.
    model_.shrinking().stop();
    status = arrange_shrinking();
    if (status.ok()) status = call_session();
  }
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    if (!outputs_[i].in_place) outputs_[i].result = OrtOwner<OrtValue>(output_values_[i], OrtDeleter{&api_});
  }
  if (on_card && status.ok()) deliver();
  return status;
}

Status OrtRequest::run_session() noexcept {
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (!input_values_[i])
      return invalid_argument(fmt::format("input {} has not been set", model_.signature().inputs[i].name));
  }
  Status status = graph_ ? run_graph() : run_plain();
  if (status.ok()) return status;
  if (cancelled_.load()) return {StatusCode::kCancelled, "the run was cancelled"};
  return judge_run_failure(std::move(status), dynamic_);
}

Result<TensorView> OrtRequest::output(std::size_t index) {
  if (index >= outputs_.size()) return no_such_tensor("output", index, outputs_.size());
  Output& output = outputs_[index];
  if (output.in_place) return output.view;
  if (graph_) return graph_->output(index);
  if (!output.result) return internal_error("the request has not run yet");
  auto view = view_of(api_, *output.result);
  if (!view.ok() || view->type != DataType::kString) return view;
  if (auto status = read_strings(api_, *output.result, view->shape.element_count().value_or(0), output.packed);
      !status.ok())
    return status;
  view->data = output.packed.data();
  view->bytes = output.packed.size();
  return view;
}

}  // namespace ocelli::onnxruntime
