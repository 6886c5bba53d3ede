// DeviceList: what this machine can run models on, and what it cannot, and why.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "devices/runtime_registry.hpp"
#include "inventory/finding.hpp"
#include "inventory/machine.hpp"
#include "runtime/runtime.hpp"

namespace ocelli::inventory {

// kUnusable: it is there, or its runtime is, and something is missing. kAbsent: there is no such hardware.
enum class DeviceState : std::uint8_t { kUsable, kUnusable, kAbsent };

// "usable", "unusable", "absent": stable words of the JSON.
std::string_view device_state_name(DeviceState state) noexcept;

// One device of one runtime, or hardware that no runtime lists.
struct DeviceEntry {
  std::string target;                // as target_device takes it: "GPU.0", "ARMNN.CpuRef"; empty: it has no name there
  std::string runtime;               // "openvino"; empty: none lists it
  std::string runtime_version;       // empty when the runtime could not be loaded
  DeviceInfo info;                   // reason and remedy are filled in where the runtime gave none
  std::vector<std::string> formats;  // model files that the runtime reads: "ONNX"
  DeviceState state = DeviceState::kUsable;
  // The device computes in the machine's memory, and info.memory_bytes is that.
  bool shares_host_memory = false;
};

// Which devices are listed.
enum class DeviceFilter : std::uint8_t {
  kPresent,  // those of the runtimes, runtimes that cannot be loaded, hardware that is there but cannot be used
  kAll,      // also every other name of the target_device grammar, with what it would take
};

// Loads every runtime, which may take seconds. Usable devices first, in the order of the runtimes; simulated devices
// are listed only when the registry was given some.
std::vector<DeviceEntry> list_devices(devices::RuntimeRegistry& registry, const Machine& machine, DeviceFilter filter);

}  // namespace ocelli::inventory
