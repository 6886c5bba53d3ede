// DeviceProperties: plugin_config for one device of a list, in OpenVINO's own notation.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/status.hpp"

namespace ocelli::devices {

// By device name in capitals, then by key.
using DeviceProperties = std::map<std::string, std::map<std::string, std::string>>;

// Reads the value of DEVICE_PROPERTIES: "{CPU:{NUM_STREAMS:2,INFERENCE_PRECISION_HINT:f32},NVIDIA.0:{...}}". Names,
// keys and values may stand in double quotes and be surrounded by blanks, so JSON text is read as well. Errors:
// kInvalidArgument with the position (counted from 1) of the mistake.
Result<DeviceProperties> parse_device_properties(std::string_view text);

}  // namespace ocelli::devices
