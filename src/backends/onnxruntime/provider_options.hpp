// The plugin_config keys of NVIDIA's devices, checked before any library sees them.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "backends/onnxruntime/device_request.hpp"
#include "base/status.hpp"

namespace ocelli::onnxruntime {

// Options in ONNX Runtime's own spelling.
using ProviderOptions = std::map<std::string, std::string>;

// Which operators may run on the CPU although a card was asked for (plugin_config CPU_FALLBACK).
enum class CpuFallback : std::uint8_t {
  kShapes,  // SHAPES, the default: those that compute shapes, which ONNX Runtime itself prefers to have there
  kNo,      // NO: none
  kYes,     // YES: any; HETERO with the CPU in its list means the same
};

// When a run gives back what the card's memory arena holds and does not use (plugin_config ARENA_SHRINKAGE).
enum class ArenaShrinkage : std::uint8_t {
  kAuto,  // AUTO, the default: after a run of a model with open dimensions that was much larger than is usual, or when
          // runs have become smaller (UsualSize)
  kYes,   // YES: after each run; slow, for a card that others share
  kNo,    // NO: never
};

// What the keys of one model come to.
struct NvidiaSettings {
  ProviderOptions cuda;      // without device_id
  ProviderOptions tensorrt;  // without device_id and without caches
  CpuFallback fallback = CpuFallback::kShapes;
  ArenaShrinkage shrinkage = ArenaShrinkage::kAuto;
  bool cuda_graph = false;  // enable_cuda_graph or trt_cuda_graph_enable
};

// One key that may be given. kind: "YES or NO", "a number from A to B", "one of A, B", "text".
struct ProviderKey {
  std::string_view key;
  std::string_view expected;
  std::string_view meaning;
};
// All of them, for the documentation and its test.
std::vector<ProviderKey> provider_keys();

// Whether the key is one of the request's providers, or of NVIDIA's devices as a whole; false for the CPU alone.
bool knows_nvidia_key(const DeviceRequest& request, std::string_view key);

// Checks properties against the keys of the request's providers and adds our own defaults: an arena that grows by what
// is asked for (kSameAsRequested) and not by doubling, the heuristic search for convolutions, the provider's part of
// precision ("f32", "f16", "bf16", "tf32"; empty: the model's own). Errors: kInvalidArgument naming the key, its value
// and what is expected; a key of a provider that the request does not use is refused as unknown to that device.
Result<NvidiaSettings> nvidia_settings(const DeviceRequest& request,
                                       const std::map<std::string, std::string>& properties,
                                       const std::string& precision);

}  // namespace ocelli::onnxruntime
