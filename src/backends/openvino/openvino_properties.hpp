// plugin_config as OpenVINO takes it.
#pragma once

#include <map>
#include <openvino/runtime/core.hpp>
#include <string>
#include <vector>

#include "base/status.hpp"
#include "runtime/compile_options.hpp"

namespace ocelli::openvino {

// The devices that a device string names, without "(n)": "MULTI:GPU.1,CPU(4)" gives proxy "MULTI" and members "GPU.1",
// "CPU".
struct DeviceList {
  std::string proxy;  // AUTO, MULTI, HETERO or BATCH; empty for a plain device
  std::vector<std::string> members;
};
DeviceList parse_device_list(const std::string& device);

// kFailedPrecondition, naming the devices that exist, when one of the list is not here.
Status check_devices(const ov::Core& core, const std::string& device);

// Whether the key may be given for the device: one that its plugin, or the proxy's in front of a list, lists as
// writable, and those that belong to reading the model. Of a device that is not here, those that every backend takes
// (INFERENCE_NUM_THREADS of a processor only), that its plugin has had for several releases, or that begin with its
// name.
bool knows_property(const ov::Core& core, const std::string& device, const std::string& key);

// The properties to compile with, with the default PERFORMANCE_HINT=LATENCY. Errors:
// kInvalidArgument naming the key: unknown to the device and its proxy, a wrong value, or NUM_STREAMS together with
// PERFORMANCE_HINT. The device must exist.
Result<ov::AnyMap> compile_properties(const ov::Core& core, const CompileOptions& options);

}  // namespace ocelli::openvino
