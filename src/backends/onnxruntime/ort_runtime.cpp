#include "backends/onnxruntime/ort_runtime.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "backends/onnx_file/shape_origin.hpp"
#include "backends/onnxruntime/ort_assignment.hpp"
#include "backends/onnxruntime/ort_info.hpp"
#include "backends/onnxruntime/ort_model.hpp"
#include "backends/onnxruntime/ort_types.hpp"
#include "runtime/open_dimensions.hpp"
#include "runtime/preprocess_check.hpp"
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

// What a model says about itself, and what it really runs on: "placement/CUDA.0" -> "12 nodes: Conv 5, ...".
std::map<std::string, std::string> model_facts(const OrtApi& api, const OrtSession& session,
                                               const NodePlacement& placement) {
  auto facts = metadata_of(api, session);
  for (const auto& share : placement) facts.emplace("placement/" + share.device, share.to_string());
  return facts;
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
  name_layouts(options.preprocess, *signature);
  auto shapes = overridden_shapes(signature->inputs, options);
  if (!shapes.ok()) return shapes.status();
  for (auto& [index, shape] : *shapes) signature->inputs[index].shape = std::move(shape);
  return signature;
}

Result<OrtOwner<OrtSession>> OrtRuntime::create_session(const std::filesystem::path& path,
                                                        const OrtSessionOptions& options) {
  const OrtApi& api = *library_.api;
  auto session = make_owner<OrtSession>(api, StatusCode::kInternal, [&](auto** out) {
    return api.CreateSession(environment_.get(), path.c_str(), &options, out);
  });
  if (session.ok()) return session;
  const std::string_view why = session.status().message();
  const bool refused = why.find("disable") != std::string_view::npos && why.find("CPU EP") != std::string_view::npos;
  if (refused) {
    return failed_precondition(
        fmt::format("ONNX file {} has operators that would run on the CPU (which ones tells ONNX Runtime 1.24 or "
                    "newer); allow that "
                    "with plugin_config CPU_FALLBACK=YES: {}",
                    path.string(), why));
  }
  return Status(session.status().code(), fmt::format("ONNX file {} cannot be compiled: {}", path.string(), why));
}

Result<std::unique_ptr<NvidiaMemory>> OrtRuntime::memory_for(const OrtSession& session, const SessionPlan& plan,
                                                             const ModelSignature& signature) const {
  if (plan.providers.empty()) return std::unique_ptr<NvidiaMemory>();
  if (plan.nvidia.cuda_graph) {
    if (auto status = CudaGraphRun::check(signature); !status.ok()) return status;
  }
  auto memory = NvidiaMemory::create(*library_.api, session, plan.providers.front().index, plan.nvidia,
                                     has_open_dimensions(signature));
  if (memory.ok() || plan.nvidia.cuda_graph) return memory;
  log_.warning("tensors go to the card through pageable memory: {}", memory.status().message());
  return std::unique_ptr<NvidiaMemory>();
}

bool OrtRuntime::knows_property(const std::string& device, const std::string& key) {
  return onnxruntime::knows_property(device, key);
}

Result<std::unique_ptr<CompiledModel>> OrtRuntime::compile(const ModelSource& source, const CompileOptions& options) {
  if (!supports(source.format))
    return invalid_argument(fmt::format("ONNX Runtime does not read {} files", model_format_name(source.format)));
  auto device = parse_device(options.device);
  if (!device.ok()) return device.status();
  if (auto status = check_preprocessing(options.preprocess, "ONNX Runtime"); !status.ok()) return status;
  if (!options.extension_library.empty())
    return invalid_argument("cpu_extension is for OpenVINO; ONNX Runtime cannot load it");
  std::error_code error;
  if (!std::filesystem::exists(source.path, error))
    return not_found(fmt::format("model file {} does not exist", source.path.string()));
  const auto summary = onnx_file::summarize_onnx(source.path);
  if (!summary)
    return internal_error(fmt::format("ONNX file {} cannot be read: it is broken or cut off", source.path.string()));

  const OrtApi& api = *library_.api;
  auto plan = plan_session(library_, *device, source, options, log_);
  if (!plan.ok()) return plan.status();
  if (auto status = check_card_precision(*plan, *summary); !status.ok()) return status;
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
  auto session = create_session(source.path, *plan->options);
  if (!session.ok()) return session.status();
  const auto placement = assignment_of(library_, **session, plan->providers);
  if (!placement.ok()) return placement.status();
  if (auto status = check_fallback(*placement, *device, plan->nvidia.fallback); !status.ok()) return status;
  auto signature = signature_for(**session, options);
  if (!signature.ok()) return signature.status();
  auto memory = memory_for(**session, *plan, *signature);
  if (!memory.ok()) return memory.status();
  auto facts = model_facts(api, **session, *placement);
  return std::unique_ptr<CompiledModel>(std::make_unique<OrtModel>(
      api, std::move(*session), std::move(*signature), info_of(library_, *plan, *placement, *summary), std::move(facts),
      std::move(*memory), onnx_file::shapes_follow_inputs(source.path)));
}

}  // namespace ocelli::onnxruntime
