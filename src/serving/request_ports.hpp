// InputPorts: a servable's inputs under the names that clients use, and what a call gives for them; and what it asks
// for as outputs.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/status.hpp"
#include "runtime/model_signature.hpp"
#include "serving/inference_call.hpp"
#include "serving/serving_context.hpp"

namespace ocelli::serving {

// Immutable after it is made, and then thread-safe.
class InputPorts {
 public:
  // What BYTES for an input mean.
  enum class Bytes : std::uint8_t { kRefused, kPictures, kStringRows };
  // One input. index: where its tensor is put in call.work.inputs.
  struct Port {
    TensorSpec spec;
    std::size_t index = 0;
    Bytes bytes = Bytes::kRefused;
  };

  InputPorts() = default;
  // ports in name order.
  explicit InputPorts(std::vector<Port> ports);

  [[nodiscard]] const std::vector<Port>& ports() const noexcept { return ports_; }
  // True when prepare() will decode pictures or repack texts, which is not for network threads.
  [[nodiscard]] bool needs_conversion(const InferenceCall& call) const noexcept;
  // Checks the call's inputs in OVMS's order and with its texts, and puts what the model takes into call.work.inputs;
  // converted ones are kept alive in call.converted. devices: where the servable runs, null when it has no devices of
  // its own; pictures are processed there when it can. Throws std::bad_alloc.
  Status prepare(InferenceCall& call, ServingContext& context, const DeviceBoard* devices) const;

 private:
  Status prepare_one(InferenceCall& call, const Port& port, ServingContext& context, const DeviceBoard* devices) const;

  std::vector<Port> ports_;
};

// The call's wish for this output, or null.
const RequestedOutput* find_requested(const InferenceCall& call, std::string_view name) noexcept;

// Every requested output must be one of these, and be named once. Errors: kInvalidArgument. servable: its name, for the
// message.
Status check_requested(const InferenceCall& call, const std::vector<TensorSpec>& outputs, std::string_view servable);

// Moves a result into the place that the client gave for it. Errors: kInvalidArgument when it does not fit.
Status copy_to_destination(Tensor& result, const TensorView& destination, std::string_view name);

}  // namespace ocelli::serving
