// automatic_devices(): what AUTO without a list tries, best first.
#pragma once

#include <string>
#include <vector>

#include "devices/runtime_registry.hpp"
#include "runtime/runtime.hpp"

namespace ocelli::devices {

// NVIDIA, the Intel GPUs, the CPU. gpus: those that are listed by name; of several the ones with memory of their own
// come first, else they keep the order of their names. Without any, "GPU" stands for what may be there. The NPU is not
// among them: it takes static shapes only, and is to be asked for by name.
std::vector<std::string> automatic_devices(std::vector<DeviceInfo> gpus = {});

// The same for the GPUs that OpenVINO lists on this machine and, with `simulated`, the simulated ones, which win over
// real ones of their name. Loads these runtimes; one that does not load has none.
std::vector<std::string> automatic_devices(RuntimeRegistry& runtimes, bool simulated);

}  // namespace ocelli::devices
