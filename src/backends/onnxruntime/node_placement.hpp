// NodePlacement: which operators of a model really run where.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "backends/onnxruntime/device_request.hpp"
#include "backends/onnxruntime/provider_options.hpp"
#include "base/status.hpp"

namespace ocelli::onnxruntime {

// What one device runs: operator -> how many nodes of it.
struct DeviceShare {
  std::string device;  // "CUDA.0", "CPU"
  std::map<std::string, std::uint32_t> operators;

  // Of all operators together.
  [[nodiscard]] std::uint32_t nodes() const noexcept;
  // "12 nodes: Conv 5, Relu 5, Add 2", the most frequent first.
  [[nodiscard]] std::string to_string() const;
};

// The devices of one model, in the order of its request, the CPU last; empty when the library cannot tell.
using NodePlacement = std::vector<DeviceShare>;

// "CUDA.0 runs 12 nodes: ...; CPU runs 2 nodes: ...".
std::string placement_text(const NodePlacement& placement);

// True for operators that ONNX Runtime itself moves from a card to the CPU where they compute shapes: a card has
// kernels for all of them, so one that is on the CPU is there for that reason.
bool computes_shapes(const std::string& op) noexcept;

// Errors: kFailedPrecondition naming the operators that run on the CPU and may not, and the key that allows it.
Status check_fallback(const NodePlacement& placement, const DeviceRequest& request, CpuFallback allowed);

}  // namespace ocelli::onnxruntime
