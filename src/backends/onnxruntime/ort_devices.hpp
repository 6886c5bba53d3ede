// The devices that ONNX Runtime's providers stand for: "CPU", "CUDA.n", "TENSORRT.n", "NVIDIA.n".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backends/onnxruntime/ort_api.hpp"
#include "runtime/runtime.hpp"

namespace ocelli::onnxruntime {

// What computes: ONNX Runtime's execution providers that this backend knows.
enum class Provider : std::uint8_t { kCpu, kCuda, kTensorrt };

// One device as a model is compiled for it.
struct Device {
  std::string name;  // as it was asked for
  // Tried in this order; the CPU comes last of itself. "NVIDIA" asks for TensorRT, then CUDA.
  std::vector<Provider> providers;
  std::uint32_t index = 0;
  // NVIDIA takes whichever of its providers is there; a provider that was named must be there.
  bool any_provider = false;
};

// Errors: kFailedPrecondition for names that are none of ours.
Result<Device> parse_device(const std::string& name);

// A card as the NVIDIA driver tells it.
struct NvidiaCard {
  std::string name;
  std::uint64_t memory_bytes = 0;
};
// Empty when there is no driver or no card.
std::vector<NvidiaCard> nvidia_cards();

// The providers that this library was built with, of those above.
bool has_provider(const OrtLibrary& library, Provider provider);

// What can be asked for here, with reasons for what cannot be used.
std::vector<DeviceInfo> list_devices(const OrtLibrary& library);

// "AMD EPYC ..." from the system.
std::string cpu_name();

}  // namespace ocelli::onnxruntime
