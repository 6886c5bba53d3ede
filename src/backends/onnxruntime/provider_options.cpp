#include "backends/onnxruntime/provider_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>

namespace ocelli::onnxruntime {
namespace {

enum class Kind : std::uint8_t { kFlag, kNumber, kChoice, kText };

// A key as ONNX Runtime spells it: onnxruntime.ai/docs/execution-providers, "CUDA" and "TensorRT", and the libraries
// of version 1.31.1 themselves.
struct Known {
  Provider provider;
  std::string_view key;
  Kind kind;
  std::string_view expected;  // for kChoice: the choices, separated by blanks
  std::int64_t least;
  std::int64_t most;
  std::string_view meaning;
};

constexpr auto kCuda = Provider::kCuda;
constexpr auto kTrt = Provider::kTensorrt;
constexpr std::string_view kYesNo = "YES or NO";
constexpr std::int64_t kAny = std::numeric_limits<std::int64_t>::max();

constexpr Known flag(Provider provider, std::string_view key, std::string_view meaning) {
  return {provider, key, Kind::kFlag, kYesNo, 0, 1, meaning};
}
constexpr Known number(Provider provider, std::string_view key, std::int64_t least, std::int64_t most,
                       std::string_view meaning) {
  return {provider, key, Kind::kNumber, "", least, most, meaning};
}
constexpr Known choice(Provider provider, std::string_view key, std::string_view choices, std::string_view meaning) {
  return {provider, key, Kind::kChoice, choices, 0, 0, meaning};
}
constexpr Known text(Provider provider, std::string_view key, std::string_view meaning) {
  return {provider, key, Kind::kText, "text", 0, 0, meaning};
}

constexpr std::array kKeys{
    number(kCuda, "gpu_mem_limit", 1, kAny, "bytes of the card's memory arena at most"),
    choice(kCuda, "arena_extend_strategy", "kSameAsRequested kNextPowerOfTwo",
           "how the arena grows; kSameAsRequested unless given"),
    choice(kCuda, "cudnn_conv_algo_search", "HEURISTIC EXHAUSTIVE DEFAULT",
           "how the kernel of a convolution is found; HEURISTIC unless given"),
    flag(kCuda, "cudnn_conv_use_max_workspace", "convolutions may take as much workspace as they like"),
    flag(kCuda, "cudnn_conv1d_pad_to_nc1d", "how convolutions in one dimension are padded to two"),
    flag(kCuda, "do_copy_in_default_stream", "copies share the stream of the kernels"),
    flag(kCuda, "enable_cuda_graph", "record the kernels of a run once and replay them; fixed shapes only"),
    flag(kCuda, "enable_cudnn", "use cuDNN where ONNX Runtime has kernels of its own too"),
    flag(kCuda, "enable_skip_layer_norm_strict_mode", "sums of layer normalisation in FP32"),
    flag(kCuda, "fuse_conv_bias", "fuse a convolution with its bias"),
    flag(kCuda, "prefer_nhwc", "run convolutions in NHWC, which tensor cores prefer"),
    number(kCuda, "sdpa_kernel", 0, 1023, "bits that choose attention kernels; 0: by itself"),
    flag(kCuda, "tunable_op_enable", "use tuned kernels"),
    flag(kCuda, "tunable_op_tuning_enable", "tune kernels in the first runs"),
    number(kCuda, "tunable_op_max_tuning_duration_ms", 0, 3'600'000, "milliseconds of tuning at most; 0: no limit"),
    flag(kCuda, "use_ep_level_unified_stream", "all threads share one stream"),
    flag(kCuda, "use_tf32", "matrix products of FP32 in TF32 (19 bits)"),
    number(kTrt, "trt_auxiliary_streams", -1, 64, "further streams of one run; -1: by itself"),
    flag(kTrt, "trt_bf16_enable", "kernels may compute in BF16"),
    flag(kTrt, "trt_build_heuristics_enable", "build faster, with guesses"),
    number(kTrt, "trt_builder_optimization_level", 0, 5, "0 builds soonest, 5 runs fastest"),
    flag(kTrt, "trt_context_memory_sharing_enable", "engines of one model share their workspace"),
    flag(kTrt, "trt_cuda_graph_enable", "record the kernels of a run once and replay them; fixed shapes only"),
    flag(kTrt, "trt_detailed_build_log", "log each step of a build"),
    flag(kTrt, "trt_dla_enable", "use the deep learning accelerator of a Jetson"),
    number(kTrt, "trt_dla_core", 0, 7, "which of them"),
    flag(kTrt, "trt_engine_hw_compatible", "engines that run on newer cards too"),
    flag(kTrt, "trt_force_sequential_engine_build", "build engines for several cards one after the other"),
    flag(kTrt, "trt_force_timing_cache", "use a timing cache of a different card of the same architecture"),
    flag(kTrt, "trt_fp16_enable", "kernels may compute in FP16"),
    flag(kTrt, "trt_int8_enable", "kernels may compute in INT8"),
    text(kTrt, "trt_int8_calibration_table_name", "file of calibration ranges, in the cache folder"),
    flag(kTrt, "trt_int8_use_native_calibration_table", "that file is TensorRT's own format"),
    flag(kTrt, "trt_layer_norm_fp32_fallback", "layer normalisation stays in FP32"),
    number(kTrt, "trt_max_partition_iterations", 1, 100'000, "tries at dividing the graph"),
    number(kTrt, "trt_max_workspace_size", 0, kAny, "bytes of workspace at most; 0: all of the card"),
    number(kTrt, "trt_min_subgraph_size", 1, 100'000, "fewest operators that are worth an engine"),
    text(kTrt, "trt_op_types_to_exclude", "operators that are left to CUDA, separated by commas"),
    text(kTrt, "trt_preview_features", "TensorRT's preview features by number, separated by commas"),
    text(kTrt, "trt_profile_min_shapes", "least shapes of the inputs, as x:1x3x224x224,..."),
    text(kTrt, "trt_profile_opt_shapes", "shapes that engines are tuned for"),
    text(kTrt, "trt_profile_max_shapes", "largest shapes"),
    flag(kTrt, "trt_sparsity_enable", "use sparse weights"),
    text(kTrt, "trt_tactic_sources", "kernel libraries, as -CUDNN,+CUBLAS"),
};

const Known* find(std::string_view key) {
  const auto* found = std::find_if(kKeys.begin(), kKeys.end(), [&](const Known& known) { return known.key == key; });
  return found == kKeys.end() ? nullptr : found;
}

Status bad_value(std::string_view key, const std::string& value, std::string_view expected) {
  return invalid_argument(fmt::format("plugin_config {} is {}; expected {}", key, value, expected));
}

std::string expected_of(const Known& known) {
  if (known.kind == Kind::kChoice) {
    std::string choices(known.expected);
    for (auto at = choices.find(' '); at != std::string::npos; at = choices.find(' ', at + 2))
      choices.replace(at, 1, ", ");
    return "one of " + choices;
  }
  if (known.kind != Kind::kNumber) return std::string(known.expected);
  return known.most == kAny ? fmt::format("a number, {} or more", known.least)
                            : fmt::format("a number from {} to {}", known.least, known.most);
}

// YES and NO, as OVMS has them, in ONNX Runtime's form.
Result<std::string> flag_value(std::string_view key, const std::string& value) {
  for (const char* yes : {"YES", "1", "true", "TRUE", "True"}) {
    if (value == yes) return std::string("1");
  }
  for (const char* no : {"NO", "0", "false", "FALSE", "False"}) {
    if (value == no) return std::string("0");
  }
  return bad_value(key, value, kYesNo);
}

Result<std::string> number_value(const Known& known, const std::string& value) {
  std::int64_t parsed = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), parsed);
  const bool is_number = error == std::errc() && end == value.data() + value.size();
  if (!is_number || parsed < known.least || parsed > known.most) return bad_value(known.key, value, expected_of(known));
  return value;
}

Result<std::string> choice_value(const Known& known, const std::string& value) {
  const std::string padded = fmt::format(" {} ", known.expected);
  const bool found = !value.empty() && value.find(' ') == std::string::npos &&
                     padded.find(fmt::format(" {} ", value)) != std::string::npos;
  return found ? Result<std::string>(value) : bad_value(known.key, value, expected_of(known));
}

Result<std::string> checked_value(const Known& known, const std::string& value) {
  switch (known.kind) {
    case Kind::kFlag:
      return flag_value(known.key, value);
    case Kind::kNumber:
      return number_value(known, value);
    case Kind::kChoice:
      return choice_value(known, value);
    case Kind::kText:
      break;
  }
  if (value.empty()) return bad_value(known.key, value, "text");
  return value;
}

Status take_own_key(const std::string& key, const std::string& value, NvidiaSettings& settings, bool& taken) {
  taken = true;
  if (key == "CPU_FALLBACK") {
    if (value != "SHAPES" && value != "NO" && value != "YES") return bad_value(key, value, "SHAPES, NO or YES");
    settings.fallback = value == "YES" ? CpuFallback::kYes : value == "NO" ? CpuFallback::kNo : CpuFallback::kShapes;
  } else if (key == "ARENA_SHRINKAGE") {
    if (value != "AUTO" && value != "NO" && value != "YES") return bad_value(key, value, "AUTO, NO or YES");
    settings.shrinkage = value == "YES"  ? ArenaShrinkage::kYes
                         : value == "NO" ? ArenaShrinkage::kNo
                                         : ArenaShrinkage::kAuto;
  } else {
    taken = false;
  }
  return {};
}

Status take_key(const DeviceRequest& request, const std::string& key, const std::string& value,
                NvidiaSettings& settings) {
  bool taken = false;
  if (auto status = take_own_key(key, value, settings, taken); taken || !status.ok()) return status;
  const Known* known = find(key);
  if (!known || !request.uses(known->provider)) {
    return invalid_argument(
        fmt::format("plugin_config key {} is not known to device {}{}", key, request.text,
                    known ? fmt::format("; it is for {}", short_name(known->provider)) : std::string()));
  }
  auto checked = checked_value(*known, value);
  if (!checked.ok()) return checked.status();
  (known->provider == kCuda ? settings.cuda : settings.tensorrt)[key] = std::move(*checked);
  return {};
}

Status apply_precision(const DeviceRequest& request, const std::string& precision, NvidiaSettings& settings) {
  const bool half = precision == "f16" || precision == "fp16";
  const bool single = precision == "f32" || precision == "fp32";
  if (half && request.uses(kTrt)) settings.tensorrt.emplace("trt_fp16_enable", "1");
  if (precision == "bf16" && request.uses(kTrt)) settings.tensorrt.emplace("trt_bf16_enable", "1");
  // TF32 rounds to 10 bits of fraction: who asks for f32 gets f32.
  if (single) settings.cuda.emplace("use_tf32", "0");
  if (precision == "tf32") settings.cuda.emplace("use_tf32", "1");
  if (precision.empty() || half || single || precision == "bf16" || precision == "tf32") return {};
  return bad_value("INFERENCE_PRECISION_HINT", precision, "f32, tf32, f16 or bf16");
}

}  // namespace

std::vector<ProviderKey> provider_keys() {
  static const std::array<std::string, kKeys.size()> kExpected = [] {
    std::array<std::string, kKeys.size()> result;
    std::transform(kKeys.begin(), kKeys.end(), result.begin(), expected_of);
    return result;
  }();
  std::vector<ProviderKey> result{
      {"CPU_FALLBACK", "SHAPES, NO or YES", "which operators may run on the CPU although a card was asked for"},
      {"ARENA_SHRINKAGE", "AUTO, NO or YES", "when a run gives unused memory of the card back"}};
  for (std::size_t i = 0; i < kKeys.size(); ++i) result.push_back({kKeys[i].key, kExpected[i], kKeys[i].meaning});
  return result;
}

bool knows_nvidia_key(const DeviceRequest& request, std::string_view key) {
  if (request.on_cpu_alone()) return false;
  const Known* known = find(key);
  return known ? request.uses(known->provider) : key == "CPU_FALLBACK" || key == "ARENA_SHRINKAGE";
}

Result<NvidiaSettings> nvidia_settings(const DeviceRequest& request,
                                       const std::map<std::string, std::string>& properties,
                                       const std::string& precision) {
  NvidiaSettings settings;
  for (const auto& [key, value] : properties) {
    if (auto status = take_key(request, key, value, settings); !status.ok()) return status;
  }
  if (request.cpu_allowed) settings.fallback = CpuFallback::kYes;
  if (auto status = apply_precision(request, precision, settings); !status.ok()) return status;
  settings.cuda.emplace("arena_extend_strategy", "kSameAsRequested");
  // Nearly the same kernels as the exhaustive search finds, without its minutes at load.
  settings.cuda.emplace("cudnn_conv_algo_search", "HEURISTIC");
  const auto on = [](const ProviderOptions& options, const char* key) {
    const auto found = options.find(key);
    return found != options.end() && found->second == "1";
  };
  settings.cuda_graph = on(settings.cuda, "enable_cuda_graph") || on(settings.tensorrt, "trt_cuda_graph_enable");
  return settings;
}

}  // namespace ocelli::onnxruntime
