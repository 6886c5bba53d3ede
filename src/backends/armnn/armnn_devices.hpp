// ARM NN's backends as devices: ARMNN.CpuRef, ARMNN.CpuAcc, ARMNN.GpuAcc.
#pragma once

#include <array>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"
#include "runtime/runtime.hpp"

namespace ocelli::arm_nn {

// Fastest first: the order in which plain "ARMNN" chooses.
inline constexpr std::array<std::string_view, 3> kBackends{"GpuAcc", "CpuAcc", "CpuRef"};
// The backends that can be used.
using BackendNames = std::set<std::string>;

// Those of the backends that a runtime of ARM NN has registered which can work here: Debian's GpuAcc registers itself
// where there is no OpenCL driver, and fails only when a model is loaded.
BackendNames usable_backends(const BackendNames& registered);

// The backend that a device means: "CpuAcc", "ARMNN.CpuAcc", "MALI" (GpuAcc), "ARMNN" or "" (the fastest that can be
// used). Errors: kFailedPrecondition for other names, and for a backend that cannot be used, with the reason and the
// remedy.
Result<std::string> choose_backend(const std::string& device, const BackendNames& usable,
                                   const BackendNames& registered);

// All three, with the reason and the remedy for those that cannot be used.
std::vector<DeviceInfo> list_devices(const BackendNames& usable, const BackendNames& registered);

// The hardware behind a backend in its own words.
std::string hardware_name(std::string_view backend);

}  // namespace ocelli::arm_nn
