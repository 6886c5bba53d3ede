// The checks of one input against what the model takes, in OVMS's order and with its texts.
#pragma once

#include <string_view>

#include "base/status.hpp"
#include "runtime/model_signature.hpp"
#include "tensor/tensor_view.hpp"

namespace ocelli::serving {

// precision, rank, batch, shape, content size. name is what clients call the input; fault is CallInput::fault. All
// other failures are kInvalidArgument.
Status validate_input(std::string_view name, const TensorSpec& spec, const TensorView& actual,
                      const Status& fault = {});
// The shape of texts or encoded pictures that will be converted for the model: a list with as many as the batch.
Status validate_list(std::string_view name, const TensorSpec& spec, const Shape& actual);

// "Invalid number of inputs - Expected: 2; Actual: 1".
Status wrong_input_count(std::size_t expected, std::size_t actual);
// "Missing input with specific name - Required input: NAME".
Status missing_input(std::string_view name);
// "Invalid input precision - Expected: FP32; Actual: INT32; input name: b".
Status wrong_precision(std::string_view name, DataType expected, DataType actual);
// "Invalid input batch size - Expected: 1; Actual: 2; input name: b".
Status wrong_batch(std::string_view name, const Dimension& expected, std::int64_t actual);
// "Invalid input shape - Expected: (1,10); Actual: (1,9); input name: b".
Status wrong_shape(std::string_view name, const PartialShape& expected, const Shape& actual);
// "Inputs inside buffer does not match expected format. - Expected: 2 elements, each a length of 4 bytes and as many
// bytes; Actual: REASON; input name: b", for a packed block of strings that is none.
Status wrong_packing(std::string_view name, std::size_t elements, std::string_view reason);

// Number of elements in a packed block of strings, without building them; kInvalidArgument when a length leads beyond
// the end.
Result<std::size_t> count_packed_strings(std::span<const std::byte> packed);

}  // namespace ocelli::serving
