#include "backends/onnxruntime/ort_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "backends/onnxruntime/engine_cache.hpp"
#include "backends/onnxruntime/ort_assignment.hpp"
#include "backends/onnxruntime/ort_providers.hpp"
#include "base/letter_case.hpp"

namespace ocelli::onnxruntime {
namespace {

// The CPU provider computes FP32 (and INT8 where the model is quantized) whatever one wishes.
Status check_cpu_precision(const std::string& hint) {
  if (hint.empty() || hint == "f32" || hint == "fp32") return {};
  return invalid_argument(fmt::format(
      "plugin_config INFERENCE_PRECISION_HINT is {}; ONNX Runtime's CPU provider computes in f32 only", hint));
}

Status set_threads(const OrtApi& api, OrtSessionOptions& options, const ThreadPlan& threads) {
  auto status = take(api, api.SetIntraOpNumThreads(&options, static_cast<int>(threads.intra)), StatusCode::kInternal);
  if (status.ok()) status = take(api, api.SetInterOpNumThreads(&options, 1), StatusCode::kInternal);
  if (status.ok()) status = take(api, api.SetSessionExecutionMode(&options, ORT_SEQUENTIAL), StatusCode::kInternal);
  return status;
}

bool is_session_entry(std::string_view key) {
  return key.starts_with("session.") || key.starts_with("mlas.") || key.starts_with("optimization.");
}

// Session configuration entries ("session.intra_op.allow_spinning") go through as they are; what remains belongs to the
// providers.
Status set_session_entries(const OrtApi& api, OrtSessionOptions& options,
                           std::map<std::string, std::string>& properties) {
  for (auto at = properties.begin(); at != properties.end();) {
    if (!is_session_entry(at->first)) {
      ++at;
      continue;
    }
    auto status = take(api, api.AddSessionConfigEntry(&options, at->first.c_str(), at->second.c_str()),
                       StatusCode::kInvalidArgument);
    if (!status.ok()) return status;
    at = properties.erase(at);
  }
  return {};
}

Status fix_one(const OrtApi& api, OrtSessionOptions& options, const std::string& input,
               const std::vector<onnx_file::OnnxDimension>& dims, const PartialShape& wanted,
               std::map<std::string, std::int64_t>& fixed) {
  for (std::size_t axis = 0; axis < std::min(dims.size(), wanted.dims.size()); ++axis) {
    const Dimension& want = wanted.dims[axis];
    const onnx_file::OnnxDimension& have = dims[axis];
    if (have.extent) {
      if (want == Dimension::fixed(*have.extent)) continue;
      return failed_precondition(fmt::format(
          "Model could not be reshaped with requested shape - the file fixes dimension {} of input {} at {}; "
          "ONNX Runtime can only set dimensions that a file leaves open",
          axis, input, *have.extent));
    }
    if (!want.is_static() || have.name.empty()) continue;
    const auto [known, is_new] = fixed.emplace(have.name, want.min);
    if (known->second != want.min) {
      return failed_precondition(fmt::format(
          "Model could not be reshaped with requested shape - dimension {} of input {} is the file's '{}', which "
          "is {} elsewhere",
          axis, input, have.name, known->second));
    }
    if (!is_new) continue;
    auto status = take(api, api.AddFreeDimensionOverrideByName(&options, have.name.c_str(), want.min),
                       StatusCode::kFailedPrecondition);
    if (!status.ok()) return status;
  }
  return {};
}

}  // namespace

ThreadPlan plan_threads(const ExecutionProperties& properties, std::uint32_t cores) {
  ThreadPlan plan;
  plan.total = properties.threads.value_or(std::max(1U, cores));
  if (properties.streams) {
    plan.streams = *properties.streams;
  } else if (properties.hint == PerformanceHint::kThroughput ||
             properties.hint == PerformanceHint::kCumulativeThroughput) {
    plan.streams = plan.total;
  }
  plan.intra = plan.streams >= plan.total ? 1 : plan.total - plan.streams + 1;
  return plan;
}

bool knows_property(const std::string& device, const std::string& key) {
  if (is_execution_property(key) || is_session_entry(key)) return true;
  const auto request = parse_device(device);
  return request.ok() && knows_nvidia_key(*request, key);
}

Result<SessionPlan> plan_session(const OrtLibrary& library, const DeviceRequest& device, const ModelSource& source,
                                 const CompileOptions& options, const Log& log) {
  const OrtApi& api = *library.api;
  auto properties = options.properties;
  auto execution = take_execution_properties(properties);
  if (!execution.ok()) return execution.status();
  auto session_options = make_owner<OrtSessionOptions>(api, StatusCode::kInternal,
                                                       [&](auto** out) { return api.CreateSessionOptions(out); });
  if (!session_options.ok()) return session_options.status();

  SessionPlan plan;
  plan.options = std::move(*session_options);
  plan.threads = plan_threads(*execution, std::thread::hardware_concurrency());
  plan.precision_hint = lower(execution->precision);
  if (auto status = set_threads(api, *plan.options, plan.threads); !status.ok()) return status;
  if (auto status = set_session_entries(api, *plan.options, properties); !status.ok()) return status;
  if (auto status = record_assignment(library, *plan.options); !status.ok()) return status;
  if (device.on_cpu_alone()) {
    if (auto status = check_cpu_precision(plan.precision_hint); !status.ok()) return status;
    if (!properties.empty()) {
      return invalid_argument(fmt::format("plugin_config key {} is not known to ONNX Runtime's device {}",
                                          properties.begin()->first, device.text));
    }
    return plan;
  }
  auto settings = nvidia_settings(device, properties, plan.precision_hint);
  if (!settings.ok()) return settings.status();
  plan.nvidia = std::move(*settings);
  if (plan.nvidia.cuda_graph) {
    if (execution->streams.value_or(1) > 1) {
      return invalid_argument(
          fmt::format("plugin_config NUM_STREAMS is {}, but with enable_cuda_graph or trt_cuda_graph_enable ONNX "
                      "Runtime runs on one stream",
                      *execution->streams));
    }
    plan.threads.streams = 1;
  }
  // Without a record of what runs where, ONNX Runtime itself has to refuse operators on the CPU.
  if (!tells_assignment(library) && plan.nvidia.fallback != CpuFallback::kYes) {
    auto status = take(api, api.AddSessionConfigEntry(plan.options.get(), "session.disable_cpu_ep_fallback", "1"),
                       StatusCode::kInternal);
    if (!status.ok()) return status;
  }
  auto appended = append_providers(library, *plan.options, device, plan.nvidia,
                                   {options.cache_dir, source.path.string(), shape_settings(options)}, log);
  if (!appended.ok()) return appended.status();
  plan.providers = std::move(appended->providers);
  plan.note = std::move(appended->note);
  plan.engines_cached = appended->engines_cached;
  return plan;
}

Status fix_dimensions(const OrtApi& api, OrtSessionOptions& options, const onnx_file::OnnxSummary& summary,
                      const std::map<std::string, PartialShape>& shapes) {
  std::map<std::string, std::int64_t> fixed;
  for (const auto& [input, wanted] : shapes) {
    const auto found = summary.inputs.find(input);
    if (found == summary.inputs.end()) continue;
    if (auto status = fix_one(api, options, input, found->second, wanted, fixed); !status.ok()) return status;
  }
  return {};
}

}  // namespace ocelli::onnxruntime
