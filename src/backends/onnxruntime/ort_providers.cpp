#include "backends/onnxruntime/ort_providers.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace ocelli::onnxruntime {
namespace {

namespace fs = std::filesystem;

// NVIDIA's libraries lie in the Python wheels nvidia-*/tensorrt*, where the loader does not look. Opened by path first,
// they are found by name when a provider needs them. In the order of their dependencies; what is missing shows when the
// provider is appended.
void open_nvidia_wheels(const OrtLibrary& library, const Log& log) {
  static constexpr std::array<std::string_view, 14> kLibraries{"libcudart.so",
                                                               "libnvJitLink.so",
                                                               "libnvrtc.so",
                                                               "libcublasLt.so",
                                                               "libcublas.so",
                                                               "libcufft.so",
                                                               "libcurand.so",
                                                               "libcudnn.so",
                                                               "libcudnn_graph.so",
                                                               "libcudnn_ops.so",
                                                               "libcudnn_engines_precompiled.so",
                                                               "libnvinfer.so",
                                                               "libnvinfer_plugin.so",
                                                               "libnvonnxparser.so"};
  const fs::path packages = library.folder.parent_path().parent_path();
  std::vector<fs::path> files;
  std::error_code error;
  const auto collect = [&](const fs::path& folder) {
    for (const auto& entry : fs::directory_iterator(folder, error)) files.push_back(entry.path());
  };
  for (const auto& vendor : fs::directory_iterator(packages / "nvidia", error)) collect(vendor.path() / "lib");
  collect(packages / "tensorrt_libs");
  for (const auto name : kLibraries) {
    for (const auto& file : files) {
      if (!file.filename().string().starts_with(name)) continue;
      if (::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE)) continue;
      log.debug("{} cannot be opened: {}", file.string(), ::dlerror());
    }
  }
}

// Keys and values in the form of the C interface.
class KeyValues {
 public:
  void set(const std::string& key, const std::string& value) { values_[key] = value; }
  [[nodiscard]] std::vector<const char*> keys() const {
    std::vector<const char*> result;
    for (const auto& [key, value] : values_) result.push_back(key.c_str());
    return result;
  }
  [[nodiscard]] std::vector<const char*> values() const {
    std::vector<const char*> result;
    for (const auto& [key, value] : values_) result.push_back(value.c_str());
    return result;
  }
  [[nodiscard]] std::size_t size() const noexcept { return values_.size(); }

 private:
  std::map<std::string, std::string> values_;
};

void add_properties(KeyValues& options, const ProviderRequest& request, bool tensorrt) {
  for (const auto& [key, value] : request.properties) {
    if (key.starts_with("trt_") == tensorrt) options.set(key, value);
  }
}

Status append_cuda(const OrtApi& api, OrtSessionOptions& session, const ProviderRequest& request) {
  auto options = make_owner<OrtCUDAProviderOptionsV2>(api, StatusCode::kFailedPrecondition,
                                                      [&](auto** out) { return api.CreateCUDAProviderOptions(out); });
  if (!options.ok()) return options.status();
  KeyValues values;
  values.set("device_id", std::to_string(request.device.index));
  // The heuristic finds nearly the same convolutions as the exhaustive search without its minutes at load.
  values.set("cudnn_conv_algo_search", "HEURISTIC");
  // TF32 rounds to 10 bits: who asks for f32 gets f32.
  if (request.precision == "f32" || request.precision == "fp32") values.set("use_tf32", "0");
  add_properties(values, request, false);
  auto status = take(
      api, api.UpdateCUDAProviderOptions(options->get(), values.keys().data(), values.values().data(), values.size()),
      StatusCode::kInvalidArgument);
  if (!status.ok()) return invalid_argument(fmt::format("plugin_config: {}", status.message()));
  return take(api, api.SessionOptionsAppendExecutionProvider_CUDA_V2(&session, options->get()),
              StatusCode::kFailedPrecondition);
}

Status append_tensorrt(const OrtApi& api, OrtSessionOptions& session, const ProviderRequest& request) {
  auto options = make_owner<OrtTensorRTProviderOptionsV2>(
      api, StatusCode::kFailedPrecondition, [&](auto** out) { return api.CreateTensorRTProviderOptions(out); });
  if (!options.ok()) return options.status();
  KeyValues values;
  values.set("device_id", std::to_string(request.device.index));
  if (request.precision == "f16" || request.precision == "fp16") values.set("trt_fp16_enable", "1");
  if (request.precision == "bf16") values.set("trt_bf16_enable", "1");
  if (!request.cache_dir.empty()) {
    values.set("trt_engine_cache_enable", "1");
    values.set("trt_engine_cache_path", request.cache_dir);
    values.set("trt_timing_cache_enable", "1");
    values.set("trt_timing_cache_path", request.cache_dir);
  }
  add_properties(values, request, true);
  auto status = take(
      api,
      api.UpdateTensorRTProviderOptions(options->get(), values.keys().data(), values.values().data(), values.size()),
      StatusCode::kInvalidArgument);
  if (!status.ok()) return invalid_argument(fmt::format("plugin_config: {}", status.message()));
  return take(api, api.SessionOptionsAppendExecutionProvider_TensorRT_V2(&session, options->get()),
              StatusCode::kFailedPrecondition);
}

Status append_one(const OrtLibrary& library, OrtSessionOptions& session, const ProviderRequest& request,
                  Provider provider) {
  const bool is_cuda = provider == Provider::kCuda;
  if (!has_provider(library, provider)) {
    return failed_precondition(fmt::format(
        "ONNX Runtime {} in {} was built without the {} provider; install the wheel onnxruntime-gpu, or set "
        "ONNXRUNTIME_ROOT to a build that has it",
        library.version, library.folder.string(), is_cuda ? "CUDA" : "TensorRT"));
  }
  const auto cards = nvidia_cards();
  if (request.device.index >= cards.size()) {
    return failed_precondition(
        cards.empty()
            ? std::string("no NVIDIA card is visible; check nvidia-smi and that the driver's libcuda.so.1 can be "
                          "loaded")
            : fmt::format("there is no NVIDIA card number {}; this machine has {}", request.device.index,
                          cards.size()));
  }
  const OrtApi& api = *library.api;
  return is_cuda ? append_cuda(api, session, request) : append_tensorrt(api, session, request);
}

}  // namespace

Result<AppendedProviders> append_providers(const OrtLibrary& library, OrtSessionOptions& options,
                                           const ProviderRequest& request, const Log& log) {
  if (has_provider(library, Provider::kCuda)) open_nvidia_wheels(library, log);
  AppendedProviders result;
  Status first_failure;
  for (const Provider provider : request.device.providers) {
    auto status = append_one(library, options, request, provider);
    if (status.ok()) {
      result.providers.push_back(provider);
      continue;
    }
    if (status.code() == StatusCode::kInvalidArgument) return status;
    const bool was_named = !request.device.any_provider && provider == request.device.providers.front();
    if (was_named)
      return failed_precondition(
          fmt::format("Cannot compile model into target device {}: {}", request.device.name, status.message()));
    if (first_failure.ok()) first_failure = status;
  }
  if (result.providers.empty()) {
    return failed_precondition(
        fmt::format("Cannot compile model into target device {}: {}", request.device.name, first_failure.message()));
  }
  if (!first_failure.ok()) result.note = std::string(first_failure.message());
  for (const auto& [key, value] : request.properties) {
    const bool taken = key.starts_with("trt_") ? result.providers.front() == Provider::kTensorrt
                                               : std::find(result.providers.begin(), result.providers.end(),
                                                           Provider::kCuda) != result.providers.end();
    if (!taken)
      return invalid_argument(fmt::format("plugin_config key {} is not known to device {}", key, request.device.name));
  }
  return result;
}

}  // namespace ocelli::onnxruntime
