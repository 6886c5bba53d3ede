#include "backends/openvino/openvino_request.hpp"

#include <fmt/format.h>

#include <cstring>

#include "backends/openvino/openvino_error.hpp"
#include "backends/openvino/openvino_types.hpp"
#include "runtime/narrow_check.hpp"
#include "runtime/open_dimensions.hpp"
#include "runtime/run_failure.hpp"
#include "runtime/tensor_check.hpp"
#include "tensor/string_tensor.hpp"

namespace ocelli::openvino {
namespace {

// OpenVINO refuses null even where there is nothing to point at.
std::byte nothing{};

TensorView view_of(const ov::Tensor& tensor) {
  return {from_ov(tensor.get_element_type()), from_ov(tensor.get_shape()),
          static_cast<std::byte*>(const_cast<void*>(tensor.data())), tensor.get_byte_size()};
}

Tensor copy_of(const ov::Tensor& tensor) {
  ov::Tensor dense(tensor.get_element_type(), tensor.get_shape());
  tensor.copy_to(dense);
  BufferRef buffer = Buffer::allocate(dense.get_byte_size());
  std::memcpy(buffer->data(), dense.data(), dense.get_byte_size());
  return Tensor::of(from_ov(dense.get_element_type()), from_ov(dense.get_shape()), std::move(buffer), 0,
                    dense.get_byte_size());
}

}  // namespace

const ov::Tensor* OpenvinoRequest::Binding::find(const TensorView& view) {
  const auto matches = [&](const Entry& entry) {
    return entry.data == view.data && entry.tensor && entry.shape == view.shape;
  };
  if (current_ && matches(*current_)) return nullptr;
  for (const Entry& entry : entries_) {
    if (!matches(entry)) continue;
    current_ = &entry;
    return &entry.tensor;
  }
  Entry& entry = entries_[next_];
  next_ = (next_ + 1) % entries_.size();
  current_ = nullptr;
  entry = {view.data, view.shape,
           ov::Tensor(to_ov(view.type), to_ov(view.shape), view.data ? static_cast<void*>(view.data) : &nothing)};
  current_ = &entry;
  return &entry.tensor;
}

OpenvinoRequest::OpenvinoRequest(ov::InferRequest request, const ModelFacts& facts, const std::vector<bool>& narrow,
                                 IntermediateMemory& intermediate)
    : request_(std::move(request)),
      facts_(facts),
      signature_(facts.signature),
      narrow_(narrow),
      intermediate_(intermediate),
      inputs_(signature_.inputs.size()),
      input_shapes_(signature_.inputs.size()),
      outputs_(signature_.outputs.size()) {
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    Output& output = outputs_[i];
    output.own = request_.get_output_tensor(i);
    output.is_static = signature_.outputs[i].shape.is_static() && signature_.outputs[i].type != DataType::kString;
    if (output.is_static) output.view = view_of(output.own);
  }
  dynamic_ = has_open_dimensions(signature_);
  request_.set_callback([this](const std::exception_ptr& exception) {
    const Status status = exception ? run_status(exception) : Status();
    give_back_memory();
    completion_->on_infer_done(status);
  });
}

// The request goes first: its end waits until the callback, which uses the other members, has returned.
OpenvinoRequest::~OpenvinoRequest() { request_ = {}; }

Status OpenvinoRequest::set_input(std::size_t index, const TensorView& view) {
  if (index >= inputs_.size()) return no_such_tensor("input", index, inputs_.size());
  if (auto status = check_tensor(signature_.inputs[index], view, "input"); !status.ok()) return status;
  inputs_[index].bytes = view.bytes;
  if (facts_.shape_check && input_shapes_[index] != view.shape) {
    input_shapes_[index] = view.shape;
    shapes_fit_ = false;
  }
  if (view.type == DataType::kString) return set_string_input(index, view);
  if (narrow_[index]) {
    if (auto status = check_narrow(signature_.inputs[index], view); !status.ok()) return status;
  }
  Binding& binding = inputs_[index].binding;
  auto status = guarded(StatusCode::kInvalidArgument, [&] {
    if (const ov::Tensor* tensor = binding.find(view)) request_.set_input_tensor(index, *tensor);
  });
  if (!status.ok()) binding.forget();
  return status;
}

Status OpenvinoRequest::set_string_input(std::size_t index, const TensorView& view) {
  auto elements = unpack_strings({view.data, view.bytes}, view.shape.element_count().value_or(0));
  if (!elements.ok()) return elements.status();
  return guarded(StatusCode::kInvalidArgument, [&] {
    ov::Tensor& tensor = inputs_[index].strings;
    if (!tensor || from_ov(tensor.get_shape()) != view.shape)
      tensor = ov::Tensor(ov::element::string, to_ov(view.shape));
    std::copy(elements->begin(), elements->end(), tensor.data<std::string>());
    request_.set_input_tensor(index, tensor);
  });
}

Status OpenvinoRequest::set_output(std::size_t index, const TensorView& view) {
  if (index >= outputs_.size()) return no_such_tensor("output", index, outputs_.size());
  if (view.type == DataType::kString) return invalid_argument("string outputs cannot be bound");
  if (auto status = check_tensor(signature_.outputs[index], view, "output"); !status.ok()) return status;
  Output& output = outputs_[index];
  auto status = guarded(StatusCode::kInvalidArgument, [&] {
    if (const ov::Tensor* tensor = output.binding.find(view)) request_.set_output_tensor(index, *tensor);
  });
  if (!status.ok()) {
    output.binding.forget();
    return status;
  }
  output.bound = true;
  output.view = view;
  return {};
}

void OpenvinoRequest::clear_output(std::size_t index) noexcept {
  if (index >= outputs_.size() || !outputs_[index].bound) return;
  Output& output = outputs_[index];
  output.bound = false;
  output.binding.forget();
  // The runtime's own tensor always fits; should it ever be refused, the next run fails and says why.
  (void)guarded(StatusCode::kInternal, [&] {
    request_.set_output_tensor(index, output.own);
    if (output.is_static) output.view = view_of(output.own);
  });
}

Status OpenvinoRequest::check_shapes() noexcept {
  if (shapes_fit_ || !facts_.shape_check) return {};
  Status fits;
  const auto status = guarded(StatusCode::kInternal, [&] { fits = facts_.shape_check->check(input_shapes_); });
  shapes_fit_ = status.ok() && fits.ok();
  return status.ok() ? fits : status;
}

void OpenvinoRequest::start(InferCompletion& completion) noexcept {
  if (const auto status = check_shapes(); !status.ok()) return completion.on_infer_done(status);
  completion_ = &completion;
  try {
    request_.start_async();
  } catch (...) {
    completion.on_infer_done(run_status(std::current_exception()));
  }
}

Status OpenvinoRequest::run() noexcept {
  if (auto status = check_shapes(); !status.ok()) return status;
  try {
    request_.infer();
    give_back_memory();
    return {};
  } catch (...) {
    return run_status(std::current_exception());
  }
}

void OpenvinoRequest::give_back_memory() noexcept {
  if (!intermediate_.can_go()) return;
  std::size_t bytes = 0;
  for (const auto& input : inputs_) bytes += input.bytes;
  intermediate_.after_run(bytes);
}

void OpenvinoRequest::cancel() noexcept {
  if (facts_.dynamic) return;
  (void)guarded(StatusCode::kInternal, [&] { request_.cancel(); });
}

Status OpenvinoRequest::run_status(const std::exception_ptr& exception) const noexcept {
  return judge_run_failure(to_status(exception, StatusCode::kInternal), dynamic_);
}

Result<TensorView> OpenvinoRequest::output(std::size_t index) {
  if (index >= outputs_.size()) return no_such_tensor("output", index, outputs_.size());
  Output& output = outputs_[index];
  if (output.is_static) return output.view;
  Result<TensorView> result = internal_error("no output");
  auto status = guarded(StatusCode::kInternal, [&] {
    const ov::Tensor tensor = request_.get_output_tensor(index);
    result = signature_.outputs[index].type == DataType::kString ? pack_string_output(output, tensor) : view_of(tensor);
  });
  if (!status.ok()) return status;
  return result;
}

Result<TensorView> OpenvinoRequest::pack_string_output(Output& output, const ov::Tensor& tensor) {
  const auto* strings = tensor.data<const std::string>();
  const std::vector<std::string_view> elements(strings, strings + tensor.get_size());
  output.packed.resize(packed_size(elements));
  pack_strings(elements, output.packed.data());
  return TensorView{DataType::kString, from_ov(tensor.get_shape()), output.packed.data(), output.packed.size()};
}

Status OpenvinoRequest::reset_state() {
  return guarded(StatusCode::kInternal, [&] { request_.reset_state(); });
}

Result<std::vector<Tensor>> OpenvinoRequest::save_state() {
  std::vector<Tensor> state;
  auto status = guarded(StatusCode::kInternal, [&] {
    for (const auto& variable : request_.query_state()) state.push_back(copy_of(variable.get_state()));
  });
  if (!status.ok()) return status;
  return state;
}

Status OpenvinoRequest::restore_state(const std::vector<Tensor>& state) {
  Status mismatch;
  auto status = guarded(StatusCode::kInternal, [&] {
    auto variables = request_.query_state();
    if (variables.size() != state.size()) {
      mismatch =
          invalid_argument(fmt::format("the state has {} variables; the model has {}", state.size(), variables.size()));
      return;
    }
    for (std::size_t i = 0; i < state.size(); ++i) {
      // Its own copy, because the runtime may keep the tensor.
      ov::Tensor copy(to_ov(state[i].view.type), to_ov(state[i].view.shape));
      std::memcpy(copy.data(), state[i].view.data, copy.get_byte_size());
      variables[i].set_state(copy);
    }
  });
  return mismatch.ok() ? status : mismatch;
}

}  // namespace ocelli::openvino
