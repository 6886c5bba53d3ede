// What ARM NN's messages about failures mean.
#pragma once

#include <string>
#include <string_view>

#include "base/status.hpp"

namespace ocelli::arm_nn {

// A message, or lines of its log, on one line and without severities, "at function ..." and positions in its sources.
std::string readable_error(std::string_view text);

// kResourceExhausted or kUnavailable when a message names an OpenCL error that means "out of memory" or "device lost",
// else fallback. The words are those of ARM NN's GpuAcc ("CL error: CALL. Error code: N") and of OpenCL's C++ bindings,
// whose exceptions name nothing but the call.
StatusCode code_of_error(std::string_view text, StatusCode fallback) noexcept;

// The status of a run that failed without an exception, from what ARM NN logged meanwhile (RunLog); the code is
// kInternal where nothing better is known.
Status run_error(std::string_view logged);

}  // namespace ocelli::arm_nn
