#include "serving/request_ports.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "serving/picture_input.hpp"
#include "serving/request_validation.hpp"
#include "serving/string_rows.hpp"

namespace ocelli::serving {

InputPorts::InputPorts(std::vector<Port> ports) : ports_(std::move(ports)) {
  for (auto& port : ports_) {
    if (takes_string_rows(port.spec)) port.bytes = Bytes::kStringRows;
    if (takes_pictures(port.spec)) port.bytes = Bytes::kPictures;
  }
}

bool InputPorts::needs_conversion(const InferenceCall& call) const noexcept {
  return std::ranges::any_of(call.inputs, [&](const CallInput& input) {
    if (input.tensor.view.type != DataType::kString) return false;
    const auto port =
        std::ranges::find(ports_, input.name, [](const Port& each) -> std::string_view { return each.spec.name; });
    return port != ports_.end() && port->bytes != Bytes::kRefused;
  });
}

Status InputPorts::prepare(InferenceCall& call, ServingContext& context, const DeviceBoard* devices) const {
  if (call.inputs.size() != ports_.size()) return wrong_input_count(ports_.size(), call.inputs.size());
  call.work.inputs.resize(ports_.size());
  for (const auto& port : ports_) {
    if (auto status = prepare_one(call, port, context, devices); !status.ok()) return status;
  }
  return {};
}

Status InputPorts::prepare_one(InferenceCall& call, const Port& port, ServingContext& context,
                               const DeviceBoard* devices) const {
  const auto& name = port.spec.name;
  const auto input = std::ranges::find(call.inputs, std::string_view(name), &CallInput::name);
  if (input == call.inputs.end()) return missing_input(name);
  const auto& view = input->tensor.view;
  if (view.type != DataType::kString || port.bytes == Bytes::kRefused) {
    if (auto status = validate_input(name, port.spec, view, input->fault); !status.ok()) return status;
    call.work.inputs[port.index] = view;
    return {};
  }
  if (!input->fault.ok()) {
    auto status = validate_list(name, port.spec, view.shape);
    return status.ok() ? input->fault : status;
  }
  // The call may have waited for its turn to be converted.
  const auto still_wanted = [&call]() -> Status {
    if (call.cancelled.load(std::memory_order_relaxed)) return {StatusCode::kCancelled, "Request was cancelled"};
    if (call.deadline <= Clock::now()) return {StatusCode::kDeadlineExceeded, "Deadline exceeded"};
    return {};
  };
  if (auto status = still_wanted(); !status.ok()) return status;
  const ChargedPool pool(context.pool, &call.charge);
  auto converted = port.bytes == Bytes::kPictures
                       ? decode_pictures(name, port.spec, view, {pool, context.pictures.of(devices), still_wanted})
                       : strings_to_rows(name, port.spec, view, pool);
  if (!converted.ok()) return std::move(converted).status();
  call.work.inputs[port.index] = converted->view;
  call.converted.push_back(std::move(converted->owner));
  return {};
}

const RequestedOutput* find_requested(const InferenceCall& call, std::string_view name) noexcept {
  const auto found = std::ranges::find(call.requested, name, &RequestedOutput::name);
  return found == call.requested.end() ? nullptr : &*found;
}

Status check_requested(const InferenceCall& call, const std::vector<TensorSpec>& outputs, std::string_view servable) {
  for (const auto& requested : call.requested) {
    const bool known =
        std::ranges::any_of(outputs, [&](const TensorSpec& output) { return output.name == requested.name; });
    if (!known)
      return invalid_argument(
          fmt::format("Unexpected output - Requested output: {}; model: {}", requested.name, servable));
    if (find_requested(call, requested.name) != &requested) {
      return invalid_argument(fmt::format("Output is requested more than once - Requested output: {}", requested.name));
    }
  }
  return {};
}

Status copy_to_destination(Tensor& result, const TensorView& destination, std::string_view name) {
  if (result.view.bytes > destination.bytes) {
    return invalid_argument(fmt::format(
        "Output does not fit the place given for it - Expected: at least {} bytes; Actual: {} bytes; output name: {}",
        result.view.bytes, destination.bytes, name));
  }
  if (result.view.bytes != 0) std::memcpy(destination.data, result.view.data, result.view.bytes);
  result.view.data = destination.data;
  result.owner.reset();
  return {};
}

}  // namespace ocelli::serving
