// automatic_devices(): what AUTO without a list tries, best first.
#pragma once

#include <string>
#include <vector>

#include "devices/runtime_registry.hpp"
#include "runtime/runtime.hpp"

namespace ocelli::devices {

// NVIDIA (its first card), the Intel GPUs, a Mali GPU (ARMNN.GpuAcc) where there is one, the CPU. gpus: those that are
// listed by name; of several the ones with memory of their own come first, else they keep the order of their names.
// Without any, "GPU" stands for what may be there. The NPU is not among them: it takes static shapes only, and is to be
// asked for by name.
std::vector<std::string> automatic_devices(std::vector<DeviceInfo> gpus = {}, bool mali = false);

// The same for the GPUs that OpenVINO lists on this machine, on an ARM machine for the Mali GPU that ARM NN can use,
// and, with `simulated`, for the simulated ones, which win over real ones of their name. Loads these runtimes; one that
// does not load has none.
std::vector<std::string> automatic_devices(RuntimeRegistry& runtimes, bool simulated);

}  // namespace ocelli::devices
