#include "backends/openvino/openvino_runtime.hpp"

#include <fmt/format.h>

#include <openvino/pass/low_latency.hpp>
#include <openvino/pass/manager.hpp>

#include "backends/openvino/openvino_error.hpp"
#include "backends/openvino/openvino_files.hpp"
#include "backends/openvino/openvino_info.hpp"
#include "backends/openvino/openvino_model.hpp"
#include "backends/openvino/openvino_preprocess.hpp"
#include "backends/openvino/openvino_properties.hpp"

namespace ocelli::openvino {
namespace {

bool is_mapped(const CompileOptions& options) {
  const auto found = options.properties.find("ENABLE_MMAP");
  return found != options.properties.end() &&
         (found->second == "YES" || found->second == "true" || found->second == "TRUE");
}

}  // namespace

OpenvinoRuntime::OpenvinoRuntime(Log log) : log_(std::move(log)) { core_.set_property(ov::enable_mmap(false)); }

std::string OpenvinoRuntime::version() const { return version_text(); }

std::vector<DeviceInfo> OpenvinoRuntime::devices() {
  std::vector<DeviceInfo> result;
  const auto status = guarded(StatusCode::kInternal, [&] {
    for (const auto& device : core_.get_available_devices()) result.push_back(device_info(core_, device));
  });
  if (!status.ok()) log_.error("OpenVINO cannot list its devices: {}", status.message());
  return result;
}

Status OpenvinoRuntime::add_extension(const std::string& library) {
  if (library.empty()) return {};
  const std::lock_guard lock(extensions_mutex_);
  if (extensions_.contains(library)) return {};
  auto status = guarded(StatusCode::kInvalidArgument, [&] { core_.add_extension(library); });
  if (!status.ok())
    return invalid_argument(fmt::format("cpu_extension {} cannot be loaded: {}", library, status.message()));
  extensions_.insert(library);
  return {};
}

Result<std::shared_ptr<ov::Model>> OpenvinoRuntime::read(const ModelSource& source, const CompileOptions& options) {
  if (auto status = check_file(source); !status.ok()) return status;
  std::shared_ptr<ov::Model> model;
  const ov::AnyMap properties{ov::enable_mmap(is_mapped(options))};
  auto status = guarded(StatusCode::kInternal, [&] { model = core_.read_model(source.path.string(), "", properties); });
  if (!status.ok()) {
    return Status(status.code(), fmt::format("{} file {} cannot be read: {}", model_format_name(source.format),
                                             source.path.string(), status.message()));
  }
  return model;
}

Result<OpenvinoRuntime::Prepared> OpenvinoRuntime::prepare(const ModelSource& source, const CompileOptions& options) {
  auto model = read(source, options);
  if (!model.ok()) return model.status();
  Prepared prepared;
  prepared.facts.model_info = model_info(**model);
  if (options.low_latency_transformation) {
    ov::pass::Manager manager;
    manager.register_pass<ov::pass::LowLatency2>();
    manager.run_passes(*model);
  }
  if (auto status = apply_preprocessing(*model, options.preprocess); !status.ok()) return status;
  if (auto status = apply_shapes(**model, options); !status.ok()) return status;
  const std::shared_ptr<const ov::Model> view = *model;
  auto signature = signature_of(view->inputs(), view->outputs());
  if (!signature.ok()) return signature.status();
  prepared.facts.signature = std::move(*signature);
  prepared.facts.stateful = !view->get_variables().empty();
  prepared.is_changed = remove_string_identities(*model);
  prepared.model = std::move(*model);
  return prepared;
}

Result<ov::CompiledModel> OpenvinoRuntime::compile_with(
    const std::function<ov::CompiledModel(const ov::AnyMap&)>& compile_model, const CompileOptions& options,
    std::string& note) {
  auto properties = compile_properties(core_, options, log_);
  if (!properties.ok()) return properties.status();
  ov::CompiledModel compiled;
  const auto compile_once = [&] { compiled = compile_model(*properties); };
  auto status = guarded(StatusCode::kFailedPrecondition, compile_once);
  if (!status.ok() && properties->erase(ov::cache_dir.name()) > 0) {
    // A cache that is full, read-only or broken must not keep a model from being served.
    const std::string reason(status.message());
    status = guarded(StatusCode::kFailedPrecondition, compile_once);
    if (status.ok()) {
      note = fmt::format("compiled without the model cache {}: {}", options.cache_dir, reason);
      log_.warning("{}", note);
    }
  }
  if (!status.ok()) {
    return Status(status.code(),
                  fmt::format("Cannot compile model into target device {} - {}", options.device, status.message()));
  }
  return compiled;
}

std::unique_ptr<CompiledModel> OpenvinoRuntime::finish(ov::CompiledModel compiled, ModelFacts facts,
                                                       const CompileOptions& options, const std::string& note) {
  ExecutionInfo info = execution_info(core_, compiled, facts.signature, options);
  if (!note.empty()) info.note = info.note.empty() ? note : note + "; " + info.note;
  return std::make_unique<OpenvinoModel>(std::move(compiled), std::move(facts), std::move(info));
}

ov::CompiledModel OpenvinoRuntime::load_compiled(const ModelSource& source, const CompileOptions& options,
                                                 const ov::AnyMap& properties) {
  const auto compile_file = [&](const ov::AnyMap& with) {
    return core_.compile_model(source.path.string(), options.device, with);
  };
  if (options.device != "CPU" || properties.contains(ov::enable_mmap.name())) return compile_file(properties);
  // OpenVINO writes its entries once and read-only, so these may be mapped, which halves the time. Should the entry be
  // gone and the model's own file be mapped instead, it is compiled again.
  ov::AnyMap mapped = properties;
  mapped.insert(ov::enable_mmap(true));
  ov::CompiledModel compiled = compile_file(mapped);
  return compiled.get_property(ov::loaded_from_cache) ? compiled : compile_file(properties);
}

Result<std::unique_ptr<CompiledModel>> OpenvinoRuntime::compile(const ModelSource& source,
                                                                const CompileOptions& options) {
  try {
    if (!supports(source.format))
      return invalid_argument(fmt::format("OpenVINO does not read {} files", model_format_name(source.format)));
    if (auto status = check_devices(core_, options.device); !status.ok()) return status;
    if (auto status = add_extension(options.extension_library); !status.ok()) return status;
    const FactsCache cache(source, options, version_text());
    const auto from_file = [&](const ov::AnyMap& properties) {
      return core_.compile_model(source.path.string(), options.device, properties);
    };
    std::string note;
    if (auto facts = cache.load()) {
      auto compiled = compile_with(
          [&](const ov::AnyMap& properties) { return load_compiled(source, options, properties); }, options, note);
      if (compiled.ok() && cache.current()) return finish(std::move(*compiled), std::move(*facts), options, note);
    }
    auto prepared = prepare(source, options);
    if (!prepared.ok()) return prepared.status();
    // OpenVINO's cache finds a model by its path only when it is compiled from its path.
    const bool is_cached = cache.usable() && !prepared->is_changed;
    const auto from_model = [&](const ov::AnyMap& properties) {
      return core_.compile_model(prepared->model, options.device, properties);
    };
    auto compiled = is_cached ? compile_with(from_file, options, note) : compile_with(from_model, options, note);
    if (!compiled.ok()) return compiled.status();
    if (is_cached && cache.current()) cache.save(prepared->facts);
    return finish(std::move(*compiled), std::move(prepared->facts), options, note);
  } catch (...) {
    return to_status(std::current_exception(), StatusCode::kInternal);
  }
}

}  // namespace ocelli::openvino
