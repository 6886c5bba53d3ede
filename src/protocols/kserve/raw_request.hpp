// RawRequest: a KServe v2 inference whose body is nothing but the bytes of the model's only input.
#pragma once

#include "base/status.hpp"
#include "protocols/kserve/infer_request.hpp"
#include "tensor/charged_pool.hpp"

namespace ocelli::kserve {

// For a request that is raw, once request.call.servable is known: body becomes its input, used in place as
// parse_infer_request() does, and all outputs are answered in binary form. The shape is the model's; where one extent
// is free, the number of bytes decides it. Errors: kInvalidArgument with the reason when the model has several inputs
// or several free extents, when its elements have no fixed size, or when the bytes do not make up the shape.
Status read_raw_input(const InferBody& body, ChargedPool pool, InferRequest& request);

}  // namespace ocelli::kserve
