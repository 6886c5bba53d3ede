// What really runs, asked of OpenVINO after compiling.
#pragma once

#include <map>
#include <openvino/runtime/core.hpp>
#include <string>

#include "runtime/compile_options.hpp"
#include "runtime/runtime.hpp"

namespace ocelli::openvino {

// Never throws: what OpenVINO does not tell stays at its default.
ExecutionInfo execution_info(const ov::Core& core, const ov::CompiledModel& compiled, const ModelSignature& signature,
                             const CompileOptions& options);
DeviceInfo device_info(const ov::Core& core, const std::string& device);

// Version number with build, "2026.4.1-...".
std::string version_text();

// The file's rt_info under "model_info", flattened: "model_info/labels" and so on.
std::map<std::string, std::string> model_info(const ov::Model& model);

}  // namespace ocelli::openvino
