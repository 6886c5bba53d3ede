// What runtimes that carry 64-bit types in 32 bits inside can be given.
#pragma once

#include "base/status.hpp"
#include "runtime/model_signature.hpp"
#include "tensor/tensor_view.hpp"

namespace ocelli {

// Whether an INT64 or UINT64 tensor has only values that INT32 has too, and an FP64 tensor only such in the range of
// FP32 (its digits are not looked at; infinities and NaN stay what they are). Other types always pass. Errors:
// kInvalidArgument with the first value that does not fit. The data need not be aligned.
Status check_narrow(const TensorSpec& spec, const TensorView& view);

}  // namespace ocelli
