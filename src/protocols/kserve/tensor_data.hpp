// Reading the "data" array of a KServe v2 JSON tensor into memory.
#pragma once

#include <string_view>

#include "base/status.hpp"
#include "protocols/json/json_reader.hpp"
#include "tensor/charged_pool.hpp"
#include "tensor/tensor_view.hpp"

namespace ocelli::kserve {

// Reads a flat or nested array, row by row, at reader's place, into a new tensor in a buffer of pool; nesting is not
// compared to shape, only the number of elements is. input_name is for messages. A false reader.ok() afterwards means
// that the text itself is at fault; then the status says nothing. Errors: kInvalidArgument (other kind of element,
// number beyond the type's range, count that differs, FP16 and BF16).
Status read_tensor_data(json::JsonReader& reader, std::string_view input_name, DataType type, const Shape& shape,
                        ChargedPool pool, Tensor& tensor);

}  // namespace ocelli::kserve
