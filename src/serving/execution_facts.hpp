// Where a model runs, in the flat form that Triton's model configuration has room for.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "serving/device_board.hpp"

namespace ocelli::serving {

// Names and values for the configuration's parameters, "execution.0.target" and "CPU" for the first device of the plan,
// and so on: target, state, reason, device, device_name, runtime, runtime_version, precision, note. Empty values are
// left out.
std::vector<std::pair<std::string, std::string>> execution_facts(const std::vector<DeviceReport>& devices);

// Whether the plan names nothing but the CPU; one that names others too may serve there only for now.
[[nodiscard]] bool planned_for_cpu_alone(const std::vector<DeviceReport>& devices);

}  // namespace ocelli::serving
