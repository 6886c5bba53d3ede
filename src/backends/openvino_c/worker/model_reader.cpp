#include "backends/openvino_c/worker/model_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <limits>
#include <map>

#include "backends/openvino_text/precision_note.hpp"
#include "runtime/shape_override.hpp"

namespace ocelli::openvino_c {
namespace {

// Properties that one compilation may carry; C passes them one by one.
constexpr std::size_t kMaxProperties = 24;
// A size that no constant of a model is likely to have, and which is not broadcast as one would be.
constexpr std::int64_t kTrialBatch = 3;

PartialShape from_c(const c::PartialShape& shape) {
  PartialShape result;
  result.rank_known = shape.rank.min == shape.rank.max && shape.rank.max >= 0;
  if (!result.rank_known) return result;
  for (std::int64_t i = 0; i < shape.rank.max; ++i) {
    const auto& dim = shape.dims[i];
    const bool bounded = dim.max >= 0 && dim.max != std::numeric_limits<std::int64_t>::max();
    result.dims.push_back({dim.min, bounded ? dim.max : Dimension::kUnbounded});
  }
  return result;
}

Result<TensorSpec> spec_of(const CApi& api, const ElementTypes& types, const c::Port& port, std::string made_up) {
  TensorSpec spec;
  char* name = nullptr;
  spec.name = api.ov_port_get_any_name(&port, &name) == c::kOk ? api.take(name) : std::move(made_up);
  int number = 0;
  if (auto status = api.check(api.ov_port_get_element_type(&port, &number), StatusCode::kInternal); !status.ok())
    return status;
  spec.type = types.ours(number);
  if (spec.type == DataType::kUndefined) {
    return failed_precondition(fmt::format(
        "{} has a type that OpenVINO's C interface does not carry (a string, or less than a byte)", spec.name));
  }
  c::PartialShape shape{};
  if (auto status = api.check(api.ov_port_get_partial_shape(&port, &shape), StatusCode::kInternal); !status.ok())
    return status;
  spec.shape = from_c(shape);
  api.ov_partial_shape_free(&shape);
  if (spec.shape.dims.size() > Shape::kMaxRank)
    return failed_precondition(fmt::format("{} has more than {} dimensions", spec.name, Shape::kMaxRank));
  return spec;
}

using CountOf = int (*)(const c::Model*, std::size_t*);
using PortOf = int (*)(const c::Model*, std::size_t, c::Port**);

Result<std::vector<TensorSpec>> specs_of(const CApi& api, const ElementTypes& types, const c::Model& model,
                                         CountOf count_of, PortOf port_of, const char* kind) {
  std::size_t count = 0;
  if (auto status = api.check(count_of(&model, &count), StatusCode::kInternal); !status.ok()) return status;
  if (count > kMaxList) return failed_precondition(fmt::format("the model has more than {} {}s", kMaxList, kind));
  std::vector<TensorSpec> specs;
  for (std::size_t i = 0; i < count; ++i) {
    auto port = make_owner<c::Port>(api, StatusCode::kInternal, [&](auto** out) { return port_of(&model, i, out); });
    if (!port.ok()) return port.status();
    auto spec = spec_of(api, types, **port, fmt::format("{}_{}", kind, i));
    if (!spec.ok()) return spec.status();
    specs.push_back(std::move(*spec));
  }
  return specs;
}

Result<ModelSignature> signature_of(const CApi& api, const ElementTypes& types, const c::Model& model,
                                    const CompileModel& wanted) {
  auto inputs = specs_of(api, types, model, api.ov_model_inputs_size, api.ov_model_const_input_by_index, "input");
  if (!inputs.ok()) return inputs.status();
  auto outputs = specs_of(api, types, model, api.ov_model_outputs_size, api.ov_model_const_output_by_index, "output");
  if (!outputs.ok()) return outputs.status();
  ModelSignature signature{std::move(*inputs), std::move(*outputs)};
  for (const auto& [name, letters] : wanted.layouts) {
    for (auto* specs : {&signature.inputs, &signature.outputs}) {
      for (auto& spec : *specs) {
        const bool only_one = name.empty() && specs == &signature.inputs && specs->size() == 1;
        if (spec.name == name || only_one) spec.layout = letters;
      }
    }
  }
  return signature;
}

Result<COwner<c::Model>> read_model(const CApi& api, const c::Core& core, const CompileModel& wanted) {
  return make_owner<c::Model>(api, StatusCode::kInternal, [&](auto** out) {
    return api.ov_core_read_model(&core, wanted.path.c_str(), nullptr, out);
  });
}

// By input.
using InputShapes = std::map<std::size_t, PartialShape>;

Status reshape(const CApi& api, const c::Model& model, const InputShapes& shapes) {
  if (shapes.empty()) return {};
  std::vector<std::size_t> ports;
  std::vector<std::vector<c::Dimension>> dims;
  std::vector<c::PartialShape> partial;
  for (const auto& [index, shape] : shapes) {
    ports.push_back(index);
    auto& list = dims.emplace_back();
    for (const auto& dim : shape.dims) list.push_back({dim.min, dim.max});
  }
  for (auto& list : dims) {
    const auto rank = static_cast<std::int64_t>(list.size());
    partial.push_back({{rank, rank}, list.data()});
  }
  const int code = api.ov_model_reshape_by_port_indexes(&model, ports.data(), partial.data(), ports.size());
  return api.check(code, StatusCode::kFailedPrecondition);
}

Status reshape_as_wanted(const CApi& api, const c::Model& model, const ModelSignature& signature,
                         const CompileModel& wanted) {
  CompileOptions options;
  options.shapes.insert(wanted.shapes.begin(), wanted.shapes.end());
  options.batch = wanted.batch;
  auto shapes = overridden_shapes(signature.inputs, options);
  if (!shapes.ok()) return shapes.status();
  auto status = reshape(api, model, {shapes->begin(), shapes->end()});
  if (status.ok()) return status;
  return {status.code(), fmt::format("Model could not be reshaped with requested shape - {}", status.message())};
}

bool all_static(const std::vector<TensorSpec>& specs) {
  return std::ranges::all_of(specs, [](const TensorSpec& spec) { return spec.shape.is_static(); });
}

// The inputs' shapes with open first dimensions fixed; empty when something else is open.
InputShapes trial_shapes(const std::vector<TensorSpec>& inputs) {
  InputShapes shapes;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    auto shape = inputs[i].shape;
    if (!shape.rank_known) return {};
    if (!shape.dims.empty() && !shape.dims[0].is_static()) {
      const bool fits = shape.dims[0].accepts(kTrialBatch);
      shape.dims[0] = Dimension::fixed(fits ? kTrialBatch : shape.dims[0].min);
    }
    if (!shape.is_static()) return {};
    shapes.emplace(i, std::move(shape));
  }
  return shapes;
}

// CompiledModel::shapes_follow_inputs(), found out as the module for today's OpenVINO does: with the inputs' shapes
// fixed, the outputs' are known before anything runs. C cannot copy a model, and what reshaping has made of one cannot
// be taken back for certain: the file is read once more.
bool shapes_follow_inputs(const CApi& api, const c::Core& core, const ElementTypes& types,
                          const ModelSignature& signature, const CompileModel& wanted) {
  if (all_static(signature.outputs)) return true;
  const auto shapes = trial_shapes(signature.inputs);
  if (shapes.empty()) return false;
  const auto trial = read_model(api, core, wanted);
  if (!trial.ok() || !reshape(api, **trial, shapes).ok()) return false;
  const auto reshaped = signature_of(api, types, **trial, wanted);
  return reshaped.ok() && all_static(reshaped->outputs);
}

// A property's value; empty where the device does not know it.
std::string ask(const CApi& api, const c::CompiledModel& model, const char* key) {
  char* value = nullptr;
  return api.ov_compiled_model_get_property(&model, key, &value) == c::kOk ? api.take(value) : "";
}

std::string ask(const CApi& api, const c::Core& core, const std::string& device, const char* key) {
  char* value = nullptr;
  return api.ov_core_get_property(&core, device.c_str(), key, &value) == c::kOk ? api.take(value) : "";
}

std::uint32_t number_or(const std::string& text, std::uint32_t fallback) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && number > 0 ? number : fallback;
}

std::string precision_text(const std::string& hint, const std::string& device) {
  if (is_movidius(device)) return "FP16";
  if (hint == "f16") return "FP16";
  if (hint == "bf16") return "BF16";
  return "FP32";
}

bool has_type(const ModelSignature& signature, std::initializer_list<DataType> types) {
  const auto matches = [&](const TensorSpec& spec) { return std::ranges::find(types, spec.type) != types.end(); };
  return std::ranges::any_of(signature.inputs, matches) || std::ranges::any_of(signature.outputs, matches);
}

std::string note_about(const ExecutionInfo& info, const ModelSignature& signature, const CompileModel& wanted) {
  std::string note;
  const auto add = [&note](std::string_view text) { note.append(note.empty() ? "" : "; ").append(text); };
  const bool told = std::ranges::any_of(wanted.properties, [](const TextPair& property) {
    return property.first == "INFERENCE_PRECISION_HINT" || property.first == "ENFORCE_BF16";
  });
  // The sticks compute in FP16 whatever they are told.
  if (info.precision == "BF16" && !told) add(openvino::precision_note({{info.precision, 1}}, told));
  if (has_type(signature, {DataType::kInt64, DataType::kUint64})) add("64-bit integers are computed in 32 bits");
  if (has_type(signature, {DataType::kFp64})) add("FP64 is computed in FP32");
  return note;
}

ExecutionInfo info_of(const CApi& api, const c::Core& core, const c::CompiledModel& model,
                      const ModelSignature& signature, const CompileModel& wanted) {
  ExecutionInfo info;
  info.runtime = "OpenVINO (worker process)";
  info.runtime_version = library_version(api);
  info.device = wanted.device;
  info.device_name = ask(api, core, wanted.device, "FULL_DEVICE_NAME");
  info.precision = precision_text(ask(api, model, "INFERENCE_PRECISION_HINT"), wanted.device);
  info.streams = number_or(ask(api, model, "NUM_STREAMS"), 1);
  info.threads = number_or(ask(api, model, "INFERENCE_NUM_THREADS"), 0);
  info.optimal_requests = number_or(ask(api, model, "OPTIMAL_NUMBER_OF_INFER_REQUESTS"), 1);
  info.loaded_from_cache = ask(api, model, "LOADED_FROM_CACHE") == "YES";
  info.note = note_about(info, signature, wanted);
  return info;
}

// Compiling says only that it failed; this says that a key is the reason.
Status explain(const CApi& api, const c::Core& core, const CompileModel& wanted, const Status& status) {
  std::string known;
  for (const char* list : {"SUPPORTED_PROPERTIES", "SUPPORTED_CONFIG_KEYS", "SUPPORTED_METRICS"})
    known += " " + ask(api, core, wanted.device, list) + " ";
  for (const auto& [key, value] : wanted.properties) {
    const auto at = known.find(key);
    const bool whole =
        at != std::string::npos && at > 0 && std::isupper(static_cast<unsigned char>(known[at - 1])) == 0;
    if (whole || key == "CACHE_DIR") continue;
    return invalid_argument(fmt::format("plugin_config key {} is not known to device {}", key, wanted.device));
  }
  return {status.code(),
          fmt::format("Cannot compile model into target device {} - {}", wanted.device, status.message())};
}

Status check_device(const CApi& api, const c::Core& core, const std::string& device) {
  auto devices = list_devices(api, core);
  if (!devices.ok()) return devices.status();
  std::string names;
  for (const auto& one : *devices) {
    if (one.name == device || one.name.substr(0, one.name.find('.')) == device || one.name + ".0" == device) return {};
    names += (names.empty() ? "" : ", ") + one.name;
  }
  return failed_precondition(fmt::format(
      "Cannot compile model into target device {0}: the OpenVINO in the worker has no device {0} here, it has {1}",
      device, names));
}

}  // namespace

bool is_movidius(const std::string& device) noexcept {
  return device.starts_with("MYRIAD") || device.starts_with("HDDL");
}

std::string library_version(const CApi& api) {
  c::Version version{};
  if (api.ov_get_openvino_version(&version) != c::kOk) return "";
  std::string text = version.build_number ? version.build_number : "";
  api.ov_version_free(&version);
  return text;
}

Result<std::vector<WorkerDevice>> list_devices(const CApi& api, const c::Core& core) {
  c::AvailableDevices listed{};
  if (auto status = api.check(api.ov_core_get_available_devices(&core, &listed), StatusCode::kInternal); !status.ok())
    return status;
  std::vector<WorkerDevice> devices;
  for (std::size_t i = 0; i < std::min(listed.size, kMaxList); ++i) devices.push_back({listed.devices[i], "", ""});
  api.ov_available_devices_free(&listed);
  for (auto& device : devices) {
    device.full_name = ask(api, core, device.name, "FULL_DEVICE_NAME");
    device.capabilities = ask(api, core, device.name, "OPTIMIZATION_CAPABILITIES");
  }
  return devices;
}

Result<ReadyModel> compile_model(const CApi& api, const c::Core& core, const ElementTypes& types,
                                 const CompileModel& wanted) {
  if (auto status = check_device(api, core, wanted.device); !status.ok()) return status;
  if (wanted.properties.size() > kMaxProperties)
    return invalid_argument(fmt::format("plugin_config has more than {} keys", kMaxProperties));
  auto model = read_model(api, core, wanted);
  if (!model.ok()) {
    return internal_error(fmt::format("model file {} cannot be read: {}", wanted.path, model.status().message()));
  }
  auto signature = signature_of(api, types, **model, wanted);
  if (!signature.ok()) return signature.status();
  if (auto status = reshape_as_wanted(api, **model, *signature, wanted); !status.ok()) return status;
  signature = signature_of(api, types, **model, wanted);
  if (!signature.ok()) return signature.status();

  // C takes as many arguments as the count says, so that always giving the most is right for any number of them.
  std::array<const char*, 2 * kMaxProperties> p{};
  for (std::size_t i = 0; i < wanted.properties.size(); ++i) {
    p[2 * i] = wanted.properties[i].first.c_str();
    p[2 * i + 1] = wanted.properties[i].second.c_str();
  }
  auto compiled = make_owner<c::CompiledModel>(api, StatusCode::kFailedPrecondition, [&](auto** out) {
    return std::apply(
        [&](auto... arguments) {
          return api.ov_core_compile_model(&core, model->get(), wanted.device.c_str(), 2 * wanted.properties.size(),
                                           out, arguments...);
        },
        p);
  });
  if (!compiled.ok()) return explain(api, core, wanted, compiled.status());
  ReadyModel ready{std::move(*compiled), std::move(*signature), {}};
  ready.shapes_follow_inputs = shapes_follow_inputs(api, core, types, ready.signature, wanted);
  ready.info = info_of(api, core, *ready.compiled, ready.signature, wanted);
  return ready;
}

}  // namespace ocelli::openvino_c
