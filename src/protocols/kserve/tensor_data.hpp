// Reading the "data" array of a KServe v2 JSON tensor into memory.
#pragma once

#include <string_view>

#include "base/status.hpp"
#include "protocols/json/json_reader.hpp"
#include "serving/inference_call.hpp"
#include "tensor/charged_pool.hpp"

namespace ocelli::kserve {

// Reads a flat or nested array, row by row, at reader's place, into a new tensor in a buffer of pool; nesting is not
// compared to shape, only the number of elements is: where it differs the tensor is without bytes, and the input's
// fault says so. input.name is set before. A false reader.ok() afterwards means that the text itself is at fault; then
// the status says nothing. Errors: kInvalidArgument (other kind of element, number beyond the type's range, FP16 and
// BF16, a shape without a count).
Status read_tensor_data(json::JsonReader& reader, DataType type, const Shape& shape, ChargedPool pool,
                        serving::CallInput& input);

}  // namespace ocelli::kserve
