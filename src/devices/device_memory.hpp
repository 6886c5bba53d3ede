// The memories of devices: which devices share one, and how much of it models may take (--device_memory).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"
#include "devices/device_expression.hpp"

namespace ocelli::devices {

// The name of the memory that models on the device take. Devices that share one have the same: "CPU" for the processor
// through every runtime, "NVIDIA.0" for NVIDIA, NVIDIA.0, CUDA.0 and TENSORRT, "GPU.0" for GPU, the device's own name
// otherwise.
std::string memory_of(const DeviceName& device);

// Reads a --device_memory: "CPU=24MB,NVIDIA.0=6GB" as bytes by memory_of() the name. An empty text gives no limits.
//   limits = name "=" size {"," name "=" size}
//   size   = number ["." digits] ("B" | "KB" | "MB" | "GB" | "TB" | "KiB" | "MiB" | "GiB" | "TiB")
// Names are those of target_device (parse_target_device()), `simulated` further ones; units are case-insensitive,
// blanks may stand anywhere. kInvalidArgument tells the mistake and its position, counted from 1: an unknown name, a
// memory that is named twice, a size that is missing, zero, without a unit or beyond 2^63 bytes.
Result<std::map<std::string, std::uint64_t>> parse_device_memory(std::string_view text,
                                                                 const std::vector<std::string>& simulated = {});

}  // namespace ocelli::devices
