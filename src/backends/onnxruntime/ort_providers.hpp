// NVIDIA's providers of ONNX Runtime, appended to a session.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "backends/onnxruntime/ort_api.hpp"
#include "backends/onnxruntime/ort_devices.hpp"
#include "base/log.hpp"

namespace ocelli::onnxruntime {

// What the providers are to be set up for.
struct ProviderRequest {
  const Device& device;
  std::string precision;  // "f16", "f32", "bf16"; empty: the model's own
  std::string cache_dir;  // for TensorRT's engines; empty: none
  // The providers' own options, as ONNX Runtime spells them ("trt_max_workspace_size"). Keys beginning with "trt_" go
  // to TensorRT, others to CUDA.
  std::map<std::string, std::string> properties;
};

// What a session got.
struct AppendedProviders {
  std::vector<Provider> providers;
  std::string note;  // why a better one was passed over
};

// Errors: kFailedPrecondition with the reason and the remedy when a provider that was named, or all of them, cannot be
// used; kInvalidArgument for an option that a provider refuses.
Result<AppendedProviders> append_providers(const OrtLibrary& library, OrtSessionOptions& options,
                                           const ProviderRequest& request, const Log& log);

}  // namespace ocelli::onnxruntime
