// The reply to a KServe v2 inference over REST.
#pragma once

#include <cstddef>

#include "base/status.hpp"
#include "protocols/kserve/infer_request.hpp"
#include "transport/body.hpp"

namespace ocelli::kserve {

// Writes the outputs of request.call, which was answered, into reply (cleared before): JSON first, then the outputs
// that the client wants in binary form, gathered from where they are. Gives the length of the JSON for
// Inference-Header-Content-Length when there are such outputs, else 0. Errors: kInvalidArgument (NaN in JSON, strings
// that are no UTF-8), kInternal (the model's strings are malformed).
Result<std::size_t> write_infer_reply(const InferRequest& request, transport::ReplyBody& reply);

// Puts the largest values of outputs that are to be classified in their place. Before write_infer_reply(). Errors:
// those of classification::classify(). Throws std::bad_alloc.
Status classify_outputs(InferRequest& request, ChargedPool pool);

// Bytes of the tensors that it writes as JSON.
std::size_t json_tensor_bytes(const InferRequest& request) noexcept;

}  // namespace ocelli::kserve
