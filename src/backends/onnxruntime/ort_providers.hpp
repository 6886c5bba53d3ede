// NVIDIA's providers of ONNX Runtime, appended to a session.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "backends/onnxruntime/device_request.hpp"
#include "backends/onnxruntime/ort_api.hpp"
#include "backends/onnxruntime/provider_options.hpp"
#include "base/log.hpp"

namespace ocelli::onnxruntime {

// What a session got.
struct AppendedProviders {
  std::vector<ProviderUse> providers;  // first first
  std::string note;                    // why a better one was passed over
  bool engines_cached = false;         // TensorRT's engines of this model were in the cache
};

// Where TensorRT's engines are kept; both empty: nowhere.
struct EngineCacheRequest {
  std::string cache_dir;
  std::string model;   // its file
  std::string shapes;  // shape_settings()
};

// Whether a provider can be used at all: built in, and its libraries load. Errors: kFailedPrecondition with the reason
// and the remedy.
Status check_provider(const OrtLibrary& library, Provider provider);

// The group of tools/setup/setup that installs what a provider needs.
std::string_view setup_group(Provider provider) noexcept;

// Errors: kFailedPrecondition with the reason and the remedy when a provider that was named, or all of them, cannot be
// used; kInvalidArgument for an option that a provider refuses.
Result<AppendedProviders> append_providers(const OrtLibrary& library, OrtSessionOptions& options,
                                           const DeviceRequest& request, const NvidiaSettings& settings,
                                           const EngineCacheRequest& cache, const Log& log);

}  // namespace ocelli::onnxruntime
