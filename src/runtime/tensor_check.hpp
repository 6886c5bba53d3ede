// Checks that every backend makes before bytes reach a runtime that would trust them.
#pragma once

#include "base/status.hpp"
#include "runtime/model_signature.hpp"
#include "tensor/tensor_view.hpp"

namespace ocelli {

// OK when view has spec's type, a shape that spec accepts, and exactly the bytes of that shape (for kString: a pointer
// to any number of bytes, whose form is checked where they are unpacked). kind is "input" or "output" and stands in the
// message. Errors: kInvalidArgument naming the tensor, what was expected and what came. Does not allocate on success.
// Thread-safe.
Status check_tensor(const TensorSpec& spec, const TensorView& view, const char* kind);

// For an index that is beyond the signature: kInvalidArgument.
Status no_such_tensor(const char* kind, std::size_t index, std::size_t count);

}  // namespace ocelli
