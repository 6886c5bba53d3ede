// DeviceRequest: the device text of a model that ONNX Runtime is to compile, understood.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"

namespace ocelli::onnxruntime {

// What computes: ONNX Runtime's execution providers that this backend knows.
enum class Provider : std::uint8_t { kCpu, kCuda, kTensorrt };

// ONNX Runtime's name ("CUDAExecutionProvider") and ours ("CUDA").
std::string_view provider_name(Provider provider) noexcept;
std::string_view short_name(Provider provider) noexcept;

// One provider on one card; index is meaningless for the CPU.
struct ProviderUse {
  Provider provider = Provider::kCpu;
  std::uint32_t index = 0;
  // One that may be absent, because what was asked for is NVIDIA and another of its providers will do.
  bool optional = false;

  // "TENSORRT.0", "CPU".
  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const ProviderUse&, const ProviderUse&) = default;
};

// What a model may run on. ONNX Runtime gives each operator to the first provider of the list that takes it.
struct DeviceRequest {
  std::string text;  // as it was asked for
  // In order of preference, without the CPU; empty: the CPU alone.
  std::vector<ProviderUse> providers;
  // The CPU was asked for, alone or as the last of a HETERO list; else operators may not end there unnoticed.
  bool cpu_allowed = true;

  // Whether a provider is in the list.
  [[nodiscard]] bool uses(Provider provider) const noexcept;
  [[nodiscard]] bool on_cpu_alone() const noexcept { return providers.empty(); }
};

// Reads CPU, CUDA[.n], TENSORRT[.n] (CUDA takes what TensorRT does not), NVIDIA[.n] (TensorRT when it loads, and CUDA)
// and HETERO:member,... over them, with an optional "(n)" behind a member that is without meaning here. All members are
// on one card, each provider occurs once, and CPU, which takes every operator, comes last. Errors: kFailedPrecondition
// "Cannot compile model into target device TEXT: why".
Result<DeviceRequest> parse_device(const std::string& text);

}  // namespace ocelli::onnxruntime
