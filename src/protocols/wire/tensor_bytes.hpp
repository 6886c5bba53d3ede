// Functions that make input tensors from the bytes of a message: in place where they can be, through the pool where
// they cannot.
#pragma once

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

// The elements of a typed field, converted. Errors: kInvalidArgument "Invalid number of values in tensor proto
// container" when their number is not the shape's, and for values that the type cannot hold. With fill, one value
// stands for all elements of the shape (TensorFlow's rule); of a shape, or a name, that the model does not take, the
// tensor has no bytes, and the servable refuses it for that.
Result<Tensor> tensor_from_values(const InputHead& head, const RepeatedValues& values, bool fill,
                                  const InputSource& source);

// kInvalidArgument with OVMS's texts.
Status wrong_value_count(const InputHead& head, std::size_t expected, std::size_t actual);
Status wrong_shape(const InputHead& head);
Status wrong_precision(const InputHead& head, std::string_view actual);
// The request is not a message of the expected kind.
Status malformed_message();

}  // namespace ocelli::wire
