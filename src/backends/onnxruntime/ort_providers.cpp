#include "backends/onnxruntime/ort_providers.hpp"

#include <fmt/format.h>

#include "backends/onnxruntime/engine_cache.hpp"
#include "backends/onnxruntime/nvidia_driver.hpp"
#include "backends/onnxruntime/nvidia_libraries.hpp"
#include "backends/onnxruntime/ort_devices.hpp"

namespace ocelli::onnxruntime {
namespace {

// Keys and values in the form of the C interface. All options go in one call: each call sets the others back.
class KeyValues {
 public:
  explicit KeyValues(const ProviderOptions& options) {
    for (const auto& [key, value] : options) {
      keys_.push_back(key.c_str());
      values_.push_back(value.c_str());
    }
  }
  [[nodiscard]] const char* const* keys() const noexcept { return keys_.data(); }
  [[nodiscard]] const char* const* values() const noexcept { return values_.data(); }
  [[nodiscard]] std::size_t size() const noexcept { return keys_.size(); }

 private:
  std::vector<const char*> keys_;
  std::vector<const char*> values_;
};

// What ONNX Runtime says about an option of a library that does not know it yet, or refuses its value.
Status option_refused(const Status& status) {
  return invalid_argument(fmt::format("plugin_config: ONNX Runtime refuses an option: {}", status.message()));
}

Status append_cuda(const OrtApi& api, OrtSessionOptions& session, ProviderOptions wanted, std::uint32_t index) {
  auto options = make_owner<OrtCUDAProviderOptionsV2>(api, StatusCode::kFailedPrecondition,
                                                      [&](auto** out) { return api.CreateCUDAProviderOptions(out); });
  if (!options.ok()) return options.status();
  wanted["device_id"] = std::to_string(index);
  const KeyValues list(wanted);
  auto status = take(api, api.UpdateCUDAProviderOptions(options->get(), list.keys(), list.values(), list.size()),
                     StatusCode::kInvalidArgument);
  if (!status.ok()) return option_refused(status);
  return take(api, api.SessionOptionsAppendExecutionProvider_CUDA_V2(&session, options->get()),
              StatusCode::kFailedPrecondition);
}

Status append_tensorrt(const OrtApi& api, OrtSessionOptions& session, ProviderOptions wanted, std::uint32_t index) {
  auto options = make_owner<OrtTensorRTProviderOptionsV2>(
      api, StatusCode::kFailedPrecondition, [&](auto** out) { return api.CreateTensorRTProviderOptions(out); });
  if (!options.ok()) return options.status();
  wanted["device_id"] = std::to_string(index);
  const KeyValues list(wanted);
  auto status = take(api, api.UpdateTensorRTProviderOptions(options->get(), list.keys(), list.values(), list.size()),
                     StatusCode::kInvalidArgument);
  if (!status.ok()) return option_refused(status);
  return take(api, api.SessionOptionsAppendExecutionProvider_TensorRT_V2(&session, options->get()),
              StatusCode::kFailedPrecondition);
}

std::string settings_text(const ProviderOptions& options) {
  std::string text;
  for (const auto& [key, value] : options) text += fmt::format("{}={};", key, value);
  return text;
}

// Engines and timings are kept where no other model, card, library or setting finds them. A cache that cannot be used
// costs time, not the model.
ProviderOptions with_engine_cache(const OrtLibrary& library, const ProviderOptions& wanted, const NvidiaCard& card,
                                  const EngineCacheRequest& request, AppendedProviders& result, const Log& log) {
  ProviderOptions options = wanted;
  if (request.cache_dir.empty()) return options;
  const auto cache =
      open_engine_cache(request.cache_dir, request.model, {card.architecture(), tensorrt_version(), library.version},
                        settings_text(wanted) + request.shapes);
  if (!cache.ok()) {
    log.warning("TensorRT engines are not kept: {}", cache.status().message());
    return options;
  }
  options["trt_engine_cache_enable"] = "1";
  options["trt_engine_cache_path"] = cache->engines.string();
  options["trt_timing_cache_enable"] = "1";
  options["trt_timing_cache_path"] = cache->timing.string();
  result.engines_cached = cache->filled;
  return options;
}

// Has ONNX Runtime load a provider's library, which must not be opened by anybody else: its constructors want to know
// their host. Errors: the loader's own words.
Status load_provider(const OrtApi& api, Provider provider) {
  Status status;
  if (provider == Provider::kTensorrt) {
    auto options = make_owner<OrtTensorRTProviderOptionsV2>(
        api, StatusCode::kUnavailable, [&](auto** out) { return api.CreateTensorRTProviderOptions(out); });
    if (!options.ok()) return options.status();
    status =
        take(api, api.UpdateTensorRTProviderOptions(options->get(), nullptr, nullptr, 0), StatusCode::kUnavailable);
  } else {
    auto options = make_owner<OrtCUDAProviderOptionsV2>(api, StatusCode::kUnavailable,
                                                        [&](auto** out) { return api.CreateCUDAProviderOptions(out); });
    if (!options.ok()) return options.status();
    status = take(api, api.UpdateCUDAProviderOptions(options->get(), nullptr, nullptr, 0), StatusCode::kUnavailable);
  }
  if (status.ok()) return status;
  constexpr std::string_view kLead = "with error: ";
  std::string_view text = status.message();
  if (const auto at = text.find(kLead); at != std::string_view::npos) text.remove_prefix(at + kLead.size());
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  return unavailable(std::string(text));
}

Status check_card(std::uint32_t index, const std::vector<NvidiaCard>& cards) {
  if (index < cards.size()) return {};
  if (!cards.empty())
    return failed_precondition(
        fmt::format("there is no NVIDIA card number {}; this machine has {}", index, cards.size()));
  return failed_precondition(
      "no NVIDIA card is visible; check nvidia-smi and that the driver's libcuda.so.1 can be loaded");
}

}  // namespace

std::string_view setup_group(Provider provider) noexcept {
  return provider == Provider::kTensorrt ? "cuda tensorrt" : "cuda";
}

Status check_provider(const OrtLibrary& library, Provider provider) {
  const std::string_view name = provider == Provider::kTensorrt ? "TensorRT" : "CUDA";
  if (!has_provider(library, provider)) {
    return failed_precondition(
        fmt::format("ONNX Runtime {} in {} was built without the {} provider; install the wheel onnxruntime-gpu with "
                    "tools/setup/setup {}, or set ONNXRUNTIME_ROOT to a build that has it",
                    library.version, library.folder.string(), name, setup_group(provider)));
  }
  if (const auto status = load_provider(*library.api, provider); !status.ok()) {
    return failed_precondition(
        fmt::format("ONNX Runtime's {} provider cannot be loaded: {}; install what is missing "
                    "with tools/setup/setup {}",
                    name, status.message(), setup_group(provider)));
  }
  return {};
}

Result<AppendedProviders> append_providers(const OrtLibrary& library, OrtSessionOptions& options,
                                           const DeviceRequest& request, const NvidiaSettings& settings,
                                           const EngineCacheRequest& cache, const Log& log) {
  if (has_provider(library, Provider::kCuda)) open_nvidia_wheels(library.folder, log);
  const auto cards = nvidia_cards();
  const auto refuse = [&](std::string_view why) {
    return failed_precondition(fmt::format("Cannot compile model into target device {}: {}", request.text, why));
  };
  AppendedProviders result;
  std::string passed_over;
  for (const ProviderUse& use : request.providers) {
    auto status = check_provider(library, use.provider);
    if (status.ok()) status = check_card(use.index, cards);
    if (status.ok()) {
      status =
          use.provider == Provider::kCuda
              ? append_cuda(*library.api, options, settings.cuda, use.index)
              : append_tensorrt(*library.api, options,
                                with_engine_cache(library, settings.tensorrt, cards[use.index], cache, result, log),
                                use.index);
    }
    if (status.ok()) {
      result.providers.push_back(use);
      continue;
    }
    if (status.code() == StatusCode::kInvalidArgument) return status;
    if (!use.optional) return refuse(status.message());
    passed_over += fmt::format("{}{}", passed_over.empty() ? "" : "; ", status.message());
  }
  if (result.providers.empty()) return refuse(passed_over);
  if (!passed_over.empty()) result.note = "passed over: " + passed_over;
  return result;
}

}  // namespace ocelli::onnxruntime
