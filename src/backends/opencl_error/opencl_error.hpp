// OpenCL's error numbers (cl.h of the Khronos Group), as far as the scheduler has to tell them apart.
#pragma once

#include <string_view>

#include "base/status.hpp"

namespace ocelli::opencl {

// The meaning of the number that follows `lead` in a runtime's message, as in "[GPU] clFlush, error code: -5" or
// "CL error: clEnqueueNDRangeKernel. Error code: -5": kResourceExhausted when the device's memory or resources are out
// (-4, -5, -6), kUnavailable when the device is gone or was reset (-2, -14); fallback for other numbers and none.
StatusCode code_after(std::string_view text, std::string_view lead, StatusCode fallback) noexcept;

}  // namespace ocelli::opencl
