// What really runs, asked of OpenVINO after compiling.
#pragma once

#include <map>
#include <openvino/runtime/core.hpp>
#include <string>
#include <vector>

#include "runtime/compile_options.hpp"
#include "runtime/runtime.hpp"

namespace ocelli::openvino {

// Never throws: what OpenVINO does not tell stays at its default.
ExecutionInfo execution_info(const ov::Core& core, const ov::CompiledModel& compiled, const ModelSignature& signature,
                             const CompileOptions& options);
// Which of the inputs have INT64, UINT64 or FP64 values that the device carries in 32 bits inside, as its own graph
// shows it; all inputs of these types where it does not show one. Never throws. The CPU does so (seen in 2026.4) unless
// a value goes straight to an output or into a conversion of the model's own, and cuts integers off without a word.
std::vector<bool> narrow_inputs(const ov::CompiledModel& compiled, const ExecutionInfo& info);
DeviceInfo device_info(const ov::Core& core, const std::string& device);

// Version number with build, "2026.4.1-...".
std::string version_text();

// The file's rt_info under "model_info", flattened: "model_info/labels" and so on.
std::map<std::string, std::string> model_info(const ov::Model& model);

}  // namespace ocelli::openvino
