// OpenVINO's error messages: made readable, and understood where only the text tells errors apart.
#pragma once

#include <string>
#include <string_view>

#include "base/status.hpp"

namespace ocelli::openvino {

// What an error says, on one line and without the positions in OpenVINO's sources; at most 600 characters of it.
std::string readable_error(std::string_view text);

// kResourceExhausted when a device's memory is out, kUnavailable when the device is lost, else fallback. The words are
// those of OpenCL, Level Zero, the GPU plugin and the Movidius plugins: OpenVINO's exceptions carry no code.
StatusCode code_of_error(std::string_view text, StatusCode fallback) noexcept;

}  // namespace ocelli::openvino
