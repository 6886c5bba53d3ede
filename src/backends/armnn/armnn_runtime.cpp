#include "backends/armnn/armnn_runtime.hpp"

#include <fmt/format.h>

#include <armnn/Version.hpp>
#include <thread>

#include "backends/armnn/armnn_model.hpp"
#include "backends/armnn/armnn_types.hpp"
#include "backends/armnn/optimizer_options.hpp"
#include "backends/armnn/run_error.hpp"
#include "backends/armnn/run_log.hpp"
#include "runtime/preprocess_check.hpp"
#include "runtime/shape_override.hpp"

namespace ocelli::arm_nn {
namespace {

std::shared_ptr<SharedRuntime> make_runtime(const ::armnn::IRuntime::CreationOptions& options) {
  auto result = std::make_shared<SharedRuntime>();
  result->runtime = ::armnn::IRuntime::Create(options);
  return result;
}

// ARM NN's graphs are made for the extents that the file has.
Status check_shapes(const ModelSignature& signature, const CompileOptions& options) {
  auto shapes = overridden_shapes(signature.inputs, options);
  if (!shapes.ok()) return shapes.status();
  for (const auto& [index, shape] : *shapes) {
    const TensorSpec& input = signature.inputs[index];
    if (shape == input.shape) continue;
    return failed_precondition(fmt::format(
        "Model could not be reshaped with requested shape - ARM NN runs a model at the shape that its file has, which "
        "is {} for input {}; {} was asked for",
        input.shape.to_string(), input.name, shape.to_string()));
  }
  return {};
}

// Releases up to 20.08 (version 22) load such a model on their accelerated backends, but cannot copy its tensors.
Status check_types(const ModelSignature& signature, const std::string& backend) {
  constexpr int kLastWithout = 22;
  if (ARMNN_MAJOR_VERSION > kLastWithout || backend == "CpuRef") return {};
  for (const auto* specs : {&signature.inputs, &signature.outputs}) {
    for (const auto& spec : *specs) {
      if (spec.type != DataType::kInt16) continue;
      return failed_precondition(
          fmt::format("{} of ARM NN {} does not take INT16 tensors, such as {}", backend, ARMNN_VERSION, spec.name));
    }
  }
  return {};
}

std::string joined(const std::vector<std::string>& texts) { return fmt::format("{}", fmt::join(texts, "; ")); }

void add_note(std::string& note, const std::string& text) { note += (note.empty() ? "" : "; ") + text; }

}  // namespace

Result<std::unique_ptr<ArmnnRuntime>> ArmnnRuntime::create(Log log, const std::string& backend_folder) {
  std::unique_ptr<ArmnnRuntime> result(new ArmnnRuntime(std::move(log), backend_folder));
  try {
    RunLog::take_over();  // it writes to standard output
    ::armnn::IRuntime::CreationOptions options;
    options.m_DynamicBackendsPath = backend_folder;
    const RunLog messages;
    result->runtime_ = make_runtime(options);
    if (!messages.text().empty()) result->log_.debug("ARM NN says: {}", readable_error(messages.text()));
    for (const auto& backend : result->runtime_->runtime->GetDeviceSpec().GetSupportedBackends())
      result->registered_.insert(backend.Get());
    result->usable_ = usable_backends(result->registered_);
  } catch (const std::exception& failure) {
    return to_status(failure, StatusCode::kUnavailable, "ARM NN cannot be started");
  }
  return result;
}

std::string ArmnnRuntime::version() const { return ARMNN_VERSION; }

std::shared_ptr<SharedRuntime> ArmnnRuntime::runtime_for(const ArmnnOptions& options) const {
  if (!options.needs_own_runtime()) return runtime_;
  ::armnn::IRuntime::CreationOptions creation;
  creation.m_DynamicBackendsPath = backend_folder_;
  creation.m_BackendOptions.push_back(tuning_options(options));
  return make_runtime(creation);
}

Result<ArmnnRuntime::Loaded> ArmnnRuntime::load(const NetworkFile& file, const ArmnnOptions& options) const {
  Loaded result;
  result.runtime = runtime_for(options);
  ::armnn::IRuntime& runtime = *result.runtime->runtime;
  const std::lock_guard lock(result.runtime->loading);
  const auto fail = [&](Status status) {
    for (const auto network : result.networks) runtime.UnloadNetwork(network);
    return status;
  };
  while (result.networks.size() < options.streams) {
    result.warnings.clear();
    ::armnn::IOptimizedNetworkPtr optimized =
        ::armnn::Optimize(*file.network, {::armnn::BackendId(options.backend)}, runtime.GetDeviceSpec(),
                          optimizer_options(options), ::armnn::Optional<std::vector<std::string>&>(result.warnings));
    if (!optimized)
      return fail(failed_precondition(fmt::format("{} refuses it: {}", options.backend, joined(result.warnings))));
    if (result.networks.empty()) result.graph = graph_of(*optimized);
    ::armnn::NetworkId network = 0;
    std::string why;
    if (runtime.LoadNetwork(network, std::move(optimized), why) != ::armnn::Status::Success)
      return fail({code_of_error(why, StatusCode::kFailedPrecondition),
                   fmt::format("{} cannot load it: {}", options.backend, readable_error(why))});
    result.networks.push_back(network);
  }
  return result;
}

ExecutionInfo ArmnnRuntime::info_of(const NetworkFile& file, const ArmnnOptions& options, const Loaded& loaded) const {
  ExecutionInfo info;
  info.runtime = "ARM NN";
  info.runtime_version = version();
  info.device_name = hardware_name(options.backend);
  info.streams = options.streams;
  info.threads = options.threads;
  info.optimal_requests = options.streams;
  info.note = options.note;
  info.device = "ARMNN." + options.backend;
  std::string elsewhere;
  for (const auto& [backend, layers] : loaded.graph.layers_on) {
    if (backend == options.backend) continue;
    info.device += ",ARMNN." + backend;
    elsewhere += fmt::format("{}{} layers on {}", elsewhere.empty() ? "" : ", ", layers, backend);
  }
  if (!elsewhere.empty())
    add_note(info.note, fmt::format("{} does not compute every layer itself: {}", options.backend, elsewhere));
  const bool halved = loaded.graph.layers_to_half > 0;
  info.precision = halved || file.summary.has_half ? "FP16" : file.summary.has_quantized ? "INT8" : "FP32";
  if (options.reduce_to_half && !halved)
    add_note(info.note, "FP16 was asked for, but the model has no FP32 layer to reduce");
  for (const auto& input : file.summary.inputs) {
    if (input.is_open)
      add_note(info.note, fmt::format("the file leaves dimensions of input {} open; ARM NN fixes them", input.name));
  }
  return info;
}

bool ArmnnRuntime::knows_property(const std::string& device, const std::string& key) {
  const auto backend = choose_backend(device, usable_, registered_);
  return arm_nn::knows_property(backend.ok() ? *backend : device, key);
}

Result<std::unique_ptr<CompiledModel>> ArmnnRuntime::compile(const ModelSource& source, const CompileOptions& options) {
  if (!supports(source.format))
    return invalid_argument(fmt::format("ARM NN does not read {} files", model_format_name(source.format)));
  const auto backend = choose_backend(options.device, usable_, registered_);
  if (!backend.ok()) return backend.status();
  if (auto status = check_preprocessing(options.preprocess, "ARM NN"); !status.ok()) return status;
  if (!options.extension_library.empty())
    return invalid_argument("cpu_extension is for OpenVINO; ARM NN cannot load it");
  const auto settings = read_options(*backend, options, std::thread::hardware_concurrency());
  if (!settings.ok()) return settings.status();
  const auto content = read_model_file(source.path);
  if (!content.ok()) return content.status();
  try {
    auto file = parse_network(source, *content);
    if (!file.ok()) return file.status();
    name_layouts(options.preprocess, file->signature);
    if (auto status = check_shapes(file->signature, options); !status.ok()) return status;
    if (auto status = check_types(file->signature, *backend); !status.ok()) {
      return Status(status.code(), fmt::format("{}: {}", source.path.string(), status.message()));
    }
    auto loaded = load(*file, *settings);
    if (!loaded.ok()) {
      return Status(loaded.status().code(),
                    fmt::format("Cannot compile model {} into target device {}: {}", source.path.string(),
                                options.device, loaded.status().message()));
    }
    for (const auto& warning : loaded->warnings) log_.debug("{}: {}", source.path.string(), warning);
    ExecutionInfo info = info_of(*file, *settings, *loaded);
    auto copies = std::make_unique<NetworkCopies>(loaded->runtime, loaded->networks);
    return std::unique_ptr<CompiledModel>(std::make_unique<ArmnnModel>(std::move(copies), std::move(file->signature),
                                                                       std::move(file->inputs),
                                                                       std::move(file->outputs), std::move(info)));
  } catch (const std::exception& failure) {
    return to_status(
        failure, StatusCode::kFailedPrecondition,
        fmt::format("Cannot compile model {} into target device {}", source.path.string(), options.device));
  }
}

}  // namespace ocelli::arm_nn
