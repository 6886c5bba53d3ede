// What ONNX Runtime's messages say of the device: it has no code of its own for a card that is lost or full.
#pragma once

#include <string_view>

#include "base/status.hpp"

namespace ocelli::onnxruntime {

// kResourceExhausted when memory is out, the host's or a card's, also where gpu_mem_limit sets its end. kUnavailable
// when CUDA says that the card, or this process's context on it, is gone: after such an error every later call fails
// too. Else fallback. Pure, thread-safe.
StatusCode code_of_message(std::string_view message, StatusCode fallback) noexcept;

// Whether a run was refused only because it was to shrink an arena that the session does not have. Errors out of an
// arena name it too, and mean that memory is out. Pure, thread-safe.
bool refuses_to_shrink(std::string_view message) noexcept;

}  // namespace ocelli::onnxruntime
