// Functions that make input tensors from the bytes of a message: in place where they can be, through the pool where
// they cannot.
#pragma once

#include <span>
#include <string_view>

#include "base/status.hpp"
#include "protocols/wire/repeated_values.hpp"
#include "runtime/model_signature.hpp"
#include "tensor/charged_pool.hpp"
#include "tensor/tensor_view.hpp"

namespace ocelli::wire {

// What is known of an input before its elements are looked at.
struct InputHead {
  std::string_view name;
  DataType type = DataType::kUndefined;
  Shape shape;
  // The model's input of that name; null when there is none (the servable will refuse the name).
  const TensorSpec* spec = nullptr;
};

// Where bytes come from and where conversions go.
struct InputSource {
  const BufferRef& message;  // keeps the message's bytes alive
  ChargedPool pool;
};

// Fills that a single value may ask for; a request of a few bytes must not take all memory.
inline constexpr std::size_t kMaxFilledBytes = std::size_t{256} << 20;

// The bytes as they are in the message; copied only when the runtime could not read them there (not aligned for the
// element type).
Tensor tensor_in_place(const InputHead& head, Bytes bytes, const InputSource& source);

// An input's tensor, or one without bytes and what is wrong with its values, for serving::CallInput.
struct InputTensor {
  Tensor tensor;
  Status fault = {};
};

// The input without values: what is wrong is told by the servable, in its place among what else may be wrong.
InputTensor without_values(const InputHead& head, Status fault = {});

// The elements of a typed field, converted. Faults: kInvalidArgument "Invalid number of values in tensor proto
// container" when their number is not the shape's, and for values that the type cannot hold; kResourceExhausted for a
// fill that is too large. With fill, one value stands for all elements of the shape (TensorFlow's rule). Of a shape
// without a count, and in a fill of a shape, or a name, that the model does not take, the tensor has no bytes, and the
// servable refuses it for that.
InputTensor tensor_from_values(const InputHead& head, const RepeatedValues& values, bool fill,
                               const InputSource& source);

// kInvalidArgument with OVMS's texts.
Status wrong_value_count(const InputHead& head, std::size_t expected, std::size_t actual);
// Values stand in other fields than one that fits the type, or in several: "Invalid number of values in tensor proto
// container - Expected: fp32_contents only; Actual: int_contents and fp32_contents; input name: b". names: of the
// fields, by number.
Status wrong_value_fields(const InputHead& head, std::string_view expected, FieldSet given,
                          std::span<const std::string_view> names);
Status wrong_precision(const InputHead& head, std::string_view actual);
// The request is not a message of the expected kind.
Status malformed_message();
// kPayloadTooLarge with both sizes when a message has more bytes than the method takes.
Status check_message_bytes(std::size_t size, std::size_t limit);

}  // namespace ocelli::wire
