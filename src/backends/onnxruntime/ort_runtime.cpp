#include "backends/onnxruntime/ort_runtime.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "backends/onnxruntime/ort_model.hpp"
#include "backends/onnxruntime/ort_types.hpp"
#include "runtime/shape_override.hpp"

namespace ocelli::onnxruntime {
namespace {

// Errors of sessions into our log; their warnings are about the file, so they are for debugging.
void ORT_API_CALL write_log(void* log, OrtLoggingLevel level, const char* category, const char*, const char* location,
                            const char* text) {
  const auto& target = *static_cast<const Log*>(log);
  if (level >= ORT_LOGGING_LEVEL_ERROR) {
    target.error("{} ({}, {})", text, category, location);
  } else if (level == ORT_LOGGING_LEVEL_WARNING) {
    target.debug("{} ({}, {})", text, category, location);
  }
}

// The inputs as the file has them, for matching --shape and --batch_size before there is a session.
std::vector<TensorSpec> inputs_of(const onnx_file::OnnxSummary& summary, const PreprocessOptions& preprocess) {
  std::vector<TensorSpec> result;
  for (const auto& [name, dims] : summary.inputs) {
    TensorSpec spec{name, DataType::kUndefined, {}, ""};
    for (const auto& dim : dims)
      spec.shape.dims.push_back(dim.extent ? Dimension::fixed(*dim.extent) : Dimension::any());
    const auto layout = preprocess.layout.find(preprocess.layout.contains(name) ? name : "");
    if (layout != preprocess.layout.end()) spec.layout = layout->second.substr(0, layout->second.find(':'));
    result.push_back(std::move(spec));
  }
  return result;
}

std::string device_text(const SessionPlan& plan, const Device& device) {
  if (plan.providers.empty()) return "CPU";
  return fmt::format("{}.{}", plan.providers.front() == Provider::kTensorrt ? "TENSORRT" : "CUDA", device.index);
}

std::string precision_text(const SessionPlan& plan, const onnx_file::OnnxSummary& summary) {
  if (summary.is_quantized()) return "INT8";
  if (plan.providers.empty()) {
#if defined(__aarch64__)
    return summary.is_half() ? "FP16" : "FP32";
#else
    return "FP32";  // the CPU provider has no FP16 arithmetic on x86: it converts FP16 models
#endif
  }
  if (plan.providers.front() == Provider::kTensorrt) {
    if (plan.precision_hint == "f16" || plan.precision_hint == "fp16") return "FP16";
    if (plan.precision_hint == "bf16") return "BF16";
  }
  if (summary.is_half()) return "FP16";
  // Unless told f32, NVIDIA's libraries round FP32 products to TF32 (19 bits).
  return plan.precision_hint == "f32" || plan.precision_hint == "fp32" ? "FP32" : "TF32";
}

}  // namespace

Result<std::unique_ptr<OrtRuntime>> OrtRuntime::create(Log log, const std::string& library_path) {
  auto library = open_library(library_path, log);
  if (!library.ok()) return library.status();
  std::unique_ptr<OrtRuntime> runtime(new OrtRuntime(std::move(log), std::move(*library)));
  const OrtApi& api = *runtime->library_.api;
  // The process has one environment, which may outlive this runtime, so it gets no log of ours; the sessions do.
  auto environment = make_owner<OrtEnv>(
      api, StatusCode::kUnavailable, [&](auto** out) { return api.CreateEnv(ORT_LOGGING_LEVEL_ERROR, "ocelli", out); });
  if (!environment.ok()) return environment.status();
  runtime->environment_ = std::move(*environment);
  (void)take(api, api.DisableTelemetryEvents(runtime->environment_.get()), StatusCode::kInternal);
  return runtime;
}

Result<ModelSignature> OrtRuntime::signature_for(const OrtSession& session, const CompileOptions& options) const {
  auto signature = signature_of(*library_.api, session);
  if (!signature.ok()) return signature.status();
  const auto name_layout = [&](TensorSpec& spec, bool anonymous) {
    const auto& layouts = options.preprocess.layout;
    const auto found = layouts.find(anonymous && !layouts.contains(spec.name) ? "" : spec.name);
    if (found != layouts.end() && found->second != "auto")
      spec.layout = found->second.substr(0, found->second.find(':'));
  };
  for (auto& input : signature->inputs) name_layout(input, signature->inputs.size() == 1);
  for (auto& output : signature->outputs) name_layout(output, false);
  auto shapes = overridden_shapes(signature->inputs, options);
  if (!shapes.ok()) return shapes.status();
  for (auto& [index, shape] : *shapes) signature->inputs[index].shape = std::move(shape);
  return signature;
}

ExecutionInfo OrtRuntime::info_of(const SessionPlan& plan, const Device& device,
                                  const onnx_file::OnnxSummary& summary) const {
  ExecutionInfo info;
  info.runtime = "ONNX Runtime";
  info.runtime_version = library_.version;
  info.device = device_text(plan, device);
  info.device_name = cpu_name();
  if (!plan.providers.empty()) {
    const auto cards = nvidia_cards();
    info.device_name = device.index < cards.size() ? cards[device.index].name : "";
  }
  info.precision = precision_text(plan, summary);
  info.streams = plan.threads.streams;
  info.threads = plan.threads.total;
  info.optimal_requests = plan.threads.streams;
  info.note = plan.note;
  if (info.note.empty() && plan.providers.empty() && summary.is_half() && info.precision == "FP32") {
    info.note = "the FP16 model is computed in FP32: this CPU provider has no FP16 arithmetic";
  }
  return info;
}

Result<std::unique_ptr<CompiledModel>> OrtRuntime::compile(const ModelSource& source, const CompileOptions& options) {
  if (!supports(source.format))
    return invalid_argument(fmt::format("ONNX Runtime does not read {} files", model_format_name(source.format)));
  auto device = parse_device(options.device);
  if (!device.ok()) return device.status();
  if (auto status = check_preprocessing(options.preprocess); !status.ok()) return status;
  if (!options.extension_library.empty())
    return invalid_argument("cpu_extension is for OpenVINO; ONNX Runtime cannot load it");
  std::error_code error;
  if (!std::filesystem::exists(source.path, error))
    return not_found(fmt::format("model file {} does not exist", source.path.string()));
  const auto summary = onnx_file::summarize_onnx(source.path);
  if (!summary)
    return internal_error(fmt::format("ONNX file {} cannot be read: it is broken or cut off", source.path.string()));

  const OrtApi& api = *library_.api;
  auto plan = plan_session(library_, *device, options, log_);
  if (!plan.ok()) return plan.status();
  auto shapes = overridden_shapes(inputs_of(*summary, options.preprocess), options);
  if (!shapes.ok()) return shapes.status();
  std::map<std::string, PartialShape> by_name;
  for (auto& [index, shape] : *shapes)
    by_name.emplace(std::next(summary->inputs.begin(), static_cast<std::ptrdiff_t>(index))->first, shape);
  if (auto status = fix_dimensions(api, *plan->options, *summary, by_name); !status.ok()) return status;

  if (auto status = take(api, api.SetUserLoggingFunction(plan->options.get(), write_log, &log_), StatusCode::kInternal);
      !status.ok()) {
    return status;
  }
  auto session = make_owner<OrtSession>(api, StatusCode::kInternal, [&](auto** out) {
    return api.CreateSession(environment_.get(), source.path.c_str(), plan->options.get(), out);
  });
  if (!session.ok()) {
    return Status(session.status().code(),
                  fmt::format("ONNX file {} cannot be compiled: {}", source.path.string(), session.status().message()));
  }
  auto signature = signature_for(**session, options);
  if (!signature.ok()) return signature.status();
  auto metadata = metadata_of(api, **session);
  return std::unique_ptr<CompiledModel>(std::make_unique<OrtModel>(
      api, std::move(*session), std::move(*signature), info_of(*plan, *device, *summary), std::move(metadata)));
}

}  // namespace ocelli::onnxruntime
