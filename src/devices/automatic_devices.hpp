// automatic_devices(): what AUTO without a list tries, best first.
#pragma once

#include <string>
#include <vector>

#include "devices/runtime_registry.hpp"
#include "runtime/runtime.hpp"

namespace ocelli::devices {

// What a machine has beside its CPU.
struct FoundDevices {
  std::vector<std::string> nvidia{};  // usable cards: "NVIDIA.0"
  std::vector<DeviceInfo> gpus{};     // Intel GPUs as OpenVINO lists them: "GPU", "GPU.1"
  bool mali = false;                  // a Mali GPU that ARM NN can use
};

// The NVIDIA cards, the Intel GPUs, a Mali GPU (ARMNN.GpuAcc), the CPU. Cards keep the order of their numbers; of
// several GPUs the ones with memory of their own come first. "NVIDIA" and "GPU" stand for a single one, and for what
// may be there where none was found: it says why it cannot be used. The NPU is not among them: it takes static shapes
// only, and is to be asked for by name.
std::vector<std::string> automatic_devices(FoundDevices found = {});

// The same for what ONNX Runtime, OpenVINO and, on an ARM machine, ARM NN list on this machine, and with `simulated`
// for the simulated devices, which win over real ones of their name. Loads these runtimes; one that does not load has
// none.
std::vector<std::string> automatic_devices(RuntimeRegistry& runtimes, bool simulated);

}  // namespace ocelli::devices
