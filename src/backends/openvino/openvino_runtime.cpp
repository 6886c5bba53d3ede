#include "backends/openvino/openvino_runtime.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <openvino/pass/low_latency.hpp>
#include <openvino/pass/manager.hpp>
#include <unordered_set>

#include "backends/openvino/openvino_error.hpp"
#include "backends/openvino/openvino_files.hpp"
#include "backends/openvino/openvino_info.hpp"
#include "backends/openvino/openvino_preprocess.hpp"
#include "backends/openvino/openvino_properties.hpp"
#include "backends/openvino/operator_split.hpp"
#include "backends/openvino/shape_origin.hpp"
#include "runtime/model_digest.hpp"
#include "runtime/open_dimensions.hpp"

namespace ocelli::openvino {
namespace {

bool is_mapped(const CompileOptions& options) {
  const auto found = options.properties.find("ENABLE_MMAP");
  return found != options.properties.end() &&
         (found->second == "YES" || found->second == "true" || found->second == "TRUE");
}

// Turns loops over a sequence into variables that are kept between requests. The pass gives inputs names of its own
// beside those that clients know.
void transform_for_low_latency(const std::shared_ptr<ov::Model>& model) {
  std::vector<std::unordered_set<std::string>> names;
  const auto inputs = model->get_parameters();
  for (const auto& input : inputs) names.push_back(input->output(0).get_names());
  ov::pass::Manager manager;
  manager.register_pass<ov::pass::LowLatency2>();
  manager.run_passes(model);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!names[i].empty()) inputs[i]->output(0).get_tensor().set_names(names[i]);
  }
}

// Custom layers may be computed while the model is compiled, so that another build of them makes another form.
std::string extension_text(const std::string& library) {
  if (library.empty()) return {};
  std::error_code error;
  const auto bytes = std::filesystem::file_size(library, error);
  const auto changed = std::filesystem::last_write_time(library, error).time_since_epoch().count();
  return fmt::format("extension {} {} {}\n", library, bytes, changed);
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
    transform_for_low_latency(*model);
  }
  if (auto status = apply_preprocessing(*model, options.preprocess); !status.ok()) return status;
  if (auto status = apply_shapes(**model, options); !status.ok()) return status;
  const std::shared_ptr<const ov::Model> view = *model;
  auto signature = signature_of(view->inputs(), view->outputs());
  if (!signature.ok()) return signature.status();
  prepared.facts.signature = std::move(*signature);
  prepared.facts.stateful = !view->get_variables().empty();
  prepared.facts.shapes_follow_inputs = shapes_follow_inputs(*view);
  prepared.facts.dynamic = view->is_dynamic();
  if (has_open_dimensions(prepared.facts.signature)) prepared.facts.shape_check = ShapeCheck::create(view);
  remove_string_identities(*model);
  prepared.model = std::move(*model);
  return prepared;
}

Result<std::unique_ptr<OpenvinoModel>> OpenvinoRuntime::compile_file(const ModelSource& source,
                                                                     const CompileOptions& options,
                                                                     ov::AnyMap properties) {
  auto prepared = prepare(source, options);
  if (!prepared.ok()) return prepared.status();
  ov::CompiledModel compiled;
  std::string note;
  const auto compile_once = [&] { compiled = core_.compile_model(prepared->model, options.device, properties); };
  auto status = guarded(StatusCode::kFailedPrecondition, compile_once);
  if (!status.ok() && properties.erase(ov::cache_dir.name()) > 0) {
    // A cache that is full, read-only or broken must not keep a model from being served.
    const std::string reason(status.message());
    status = guarded(StatusCode::kFailedPrecondition, compile_once);
    if (status.ok()) note = fmt::format("compiled without the model cache {}: {}", options.cache_dir, reason);
  }
  if (!status.ok()) {
    return Status(status.code(),
                  fmt::format("Cannot compile model into target device {} - {}", options.device, status.message()));
  }
  ExecutionInfo info = execution_info(core_, compiled, prepared->facts.signature, options);
  auto model = std::make_unique<OpenvinoModel>(std::move(compiled), std::move(prepared->facts), std::move(info));
  if (auto split = operator_split(core_, prepared->model, options.device, properties); !split.empty())
    model->add_note(split);
  if (!note.empty()) {
    log_.warning("{}", note);
    model->add_note(note);
  }
  return model;
}

// The compiled form depends on the model's bytes, on everything that is asked of the compiler, and on who compiles for
// which hardware.
std::string OpenvinoRuntime::entry_name(const std::string& digest, const CompileOptions& options,
                                        const ov::AnyMap& properties) {
  std::string key = fmt::format("{}\n{}\n{}\n{}\n", digest, version_text(), options.device,
                                core_.get_property(options.device, ov::device::full_name));
  key += fmt::format("{}\n", fmt::join(core_.get_property(options.device, ov::device::capabilities), " "));
  for (const auto& [name, value] : properties) key += fmt::format("{}={}\n", name, value.as<std::string>());
  for (const auto& [name, shape] : options.shapes) key += fmt::format("shape {}={}\n", name, shape.to_string());
  key += extension_text(options.extension_library);
  if (options.batch) key += fmt::format("batch {}..{}\n", options.batch->min, options.batch->max);
  const auto& steps = options.preprocess;
  for (const auto& [name, layout] : steps.layout) key += fmt::format("layout {}={}\n", name, layout);
  key += fmt::format("{} {} {} {} {}", fmt::join(steps.mean, ","), fmt::join(steps.scale, ","), steps.color_format,
                     steps.precision, options.low_latency_transformation);
  return digest_of(key);
}

std::unique_ptr<OpenvinoModel> OpenvinoRuntime::import(StoredModel stored, const CompileOptions& options,
                                                       ov::AnyMap properties) {
  properties.erase(ov::enable_mmap.name());
  ov::CompiledModel compiled;
  const auto status =
      guarded(StatusCode::kInternal, [&] { compiled = core_.import_model(stored.blob, options.device, properties); });
  if (!status.ok()) {
    log_.warning("A compiled model in {} cannot be used and is made anew: {}", options.cache_dir, status.message());
    return nullptr;
  }
  ExecutionInfo info = execution_info(core_, compiled, stored.facts.signature, options);
  info.loaded_from_cache = true;
  return std::make_unique<OpenvinoModel>(std::move(compiled), std::move(stored.facts), std::move(info),
                                         std::move(stored.file));
}

// What keeps a model out of the cache must not keep it from being served.
Result<std::unique_ptr<OpenvinoModel>> OpenvinoRuntime::compile_unstored(const ModelSource& source,
                                                                         const CompileOptions& options,
                                                                         const ov::AnyMap& properties,
                                                                         const Status& why) {
  auto model = compile_file(source, options, properties);
  if (!model.ok()) return model;
  const auto note = fmt::format("compiled without the model cache {}: {}", options.cache_dir, why.message());
  log_.warning("{}", note);
  (*model)->add_note(note);
  return model;
}

Result<std::unique_ptr<OpenvinoModel>> OpenvinoRuntime::compile_stored(const ModelSource& source,
                                                                       const CompileOptions& options,
                                                                       const ov::AnyMap& properties) {
  auto digest = model_digest(source, options.cache_dir);
  if (!digest.ok()) return compile_unstored(source, options, properties, digest.status());
  const CompiledStore store(options.cache_dir, entry_name(*digest, options, properties));
  if (auto stored = store.load()) {
    if (auto model = import(std::move(*stored), options, properties)) return model;
  }
  auto model = compile_file(source, options, properties);
  if (!model.ok()) return model;
  const auto status = store.save((*model)->facts(), [&](std::ostream& stream) { (*model)->write(stream); });
  if (!status.ok()) {
    log_.warning("{}", status.message());
    (*model)->add_note(std::string(status.message()));
  }
  return model;
}

bool OpenvinoRuntime::exports(const std::string& device) {
  bool result = false;
  // Devices made of several have no form of their own to keep.
  if (!parse_device_list(device).proxy.empty()) return false;
  (void)guarded(StatusCode::kInternal, [&] {
    const auto able = core_.get_property(device, ov::device::capabilities);
    result = std::ranges::find(able, ov::device::capability::EXPORT_IMPORT) != able.end();
  });
  return result;
}

bool OpenvinoRuntime::knows_property(const std::string& device, const std::string& key) {
  return openvino::knows_property(core_, device, key);
}

Result<std::unique_ptr<CompiledModel>> OpenvinoRuntime::compile(const ModelSource& source,
                                                                const CompileOptions& options) {
  try {
    if (!supports(source.format))
      return invalid_argument(fmt::format("OpenVINO does not read {} files", model_format_name(source.format)));
    if (auto status = check_devices(core_, options.device); !status.ok()) return status;
    if (auto status = add_extension(options.extension_library); !status.ok()) return status;
    auto properties = compile_properties(core_, options);
    if (!properties.ok()) return properties.status();
    const bool stores = !options.cache_dir.empty() && exports(options.device);
    if (!options.cache_dir.empty() && !stores) properties->emplace(ov::cache_dir.name(), options.cache_dir);
    auto model =
        stores ? compile_stored(source, options, *properties) : compile_file(source, options, std::move(*properties));
    if (!model.ok()) return model.status();
    return std::unique_ptr<CompiledModel>(std::move(*model));
  } catch (...) {
    return to_status(std::current_exception(), StatusCode::kInternal);
  }
}

}  // namespace ocelli::openvino
