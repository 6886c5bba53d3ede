#include "backends/onnxruntime/ort_info.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "backends/onnxruntime/nvidia_driver.hpp"
#include "backends/onnxruntime/ort_devices.hpp"
#include "runtime/host_processor.hpp"

namespace ocelli::onnxruntime {
namespace {

constexpr const char* kTf32Note =
    "TensorRT rounds FP32 products to TF32; set NVIDIA_TF32_OVERRIDE=0 in the environment for full FP32";

void add_note(std::string& note, std::string_view text) {
  if (!text.empty()) note += fmt::format("{}{}", note.empty() ? "" : "; ", text);
}

bool is_on(const ProviderOptions& options, const char* key) {
  const auto found = options.find(key);
  return found != options.end() && found->second == "1";
}

bool only_computes_shapes(const DeviceShare& share) {
  return std::all_of(share.operators.begin(), share.operators.end(),
                     [](const auto& entry) { return computes_shapes(entry.first); });
}

std::string device_text(const SessionPlan& plan, const NodePlacement& placement) {
  std::string text;
  const auto add = [&](const std::string& device) { text += fmt::format("{}{}", text.empty() ? "" : ",", device); };
  for (const auto& share : placement) {
    if (share.device != "CPU" || plan.providers.empty() || !only_computes_shapes(share)) add(share.device);
  }
  if (!text.empty()) return text;
  for (const auto& use : plan.providers) add(use.to_string());
  return text.empty() ? "CPU" : text;
}

std::string cpu_precision([[maybe_unused]] const onnx_file::OnnxSummary& summary) {
#if defined(__aarch64__)
  return summary.is_half() ? "FP16" : "FP32";
#else
  return "FP32";  // the CPU provider has no FP16 arithmetic on x86: it converts FP16 models
#endif
}

// NVIDIA's libraries read this variable themselves.
bool tf32_is_off() {
  const char* value = std::getenv("NVIDIA_TF32_OVERRIDE");
  return value && std::string_view(value) == "0";
}

std::string card_precision(const SessionPlan& plan, const onnx_file::OnnxSummary& summary, bool card_has_tf32) {
  const bool tensorrt = plan.providers.front().provider == Provider::kTensorrt;
  if (tensorrt) {
    if (is_on(plan.nvidia.tensorrt, "trt_int8_enable")) return "INT8";
    if (is_on(plan.nvidia.tensorrt, "trt_fp16_enable")) return "FP16";
    if (is_on(plan.nvidia.tensorrt, "trt_bf16_enable")) return "BF16";
  }
  if (summary.is_half()) return "FP16";
  const auto tf32 = plan.nvidia.cuda.find("use_tf32");
  const bool switched_off = !tensorrt && tf32 != plan.nvidia.cuda.end() && tf32->second == "0";
  return !card_has_tf32 || tf32_is_off() || switched_off ? "FP32" : "TF32";
}

void describe_card(ExecutionInfo& info, const SessionPlan& plan, const onnx_file::OnnxSummary& summary) {
  const auto cards = nvidia_cards();
  const auto index = plan.providers.front().index;
  const NvidiaCard card = index < cards.size() ? cards[index] : NvidiaCard{};
  info.device_name = card.name;
  info.precision = summary.is_quantized() ? "INT8" : card_precision(plan, summary, card.has_tf32());
  info.loaded_from_cache = plan.engines_cached;
  if (plan.asks_for_single() && info.precision == "TF32") add_note(info.note, kTf32Note);
}

}  // namespace

Status check_card_precision(const SessionPlan& plan, const onnx_file::OnnxSummary& summary) {
  if (plan.providers.empty() || plan.providers.front().provider != Provider::kCuda) return {};
  const bool half = plan.precision_hint == "f16" || plan.precision_hint == "fp16";
  if ((!half && plan.precision_hint != "bf16") || (half && summary.is_half())) return {};
  return invalid_argument(fmt::format(
      "plugin_config INFERENCE_PRECISION_HINT is {}, but ONNX Runtime's CUDA provider computes in the types of the "
      "file; use TENSORRT, or a model in that precision",
      plan.precision_hint));
}

ExecutionInfo info_of(const OrtLibrary& library, const SessionPlan& plan, const NodePlacement& placement,
                      const onnx_file::OnnxSummary& summary) {
  ExecutionInfo info;
  info.runtime = "ONNX Runtime";
  info.runtime_version = library.version;
  info.device = device_text(plan, placement);
  info.device_name = host_processor_name();
  info.precision = summary.is_quantized() ? "INT8" : cpu_precision(summary);
  info.streams = plan.threads.streams;
  info.threads = plan.threads.total;
  info.optimal_requests = plan.threads.streams;
  info.note = plan.note;
  if (!plan.providers.empty()) describe_card(info, plan, summary);
  if (placement.size() > 1) add_note(info.note, placement_text(placement));
  if (info.note.empty() && plan.providers.empty() && summary.is_half() && info.precision == "FP32")
    info.note = "the FP16 model is computed in FP32: this CPU provider has no FP16 arithmetic";
  return info;
}

}  // namespace ocelli::onnxruntime
