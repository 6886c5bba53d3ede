#include "backends/openvino/openvino_info.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <openvino/core/version.hpp>
#include <openvino/runtime/intel_gpu/properties.hpp>
#include <openvino/runtime/intel_npu/properties.hpp>
#include <optional>
#include <utility>

#include "backends/openvino/openvino_properties.hpp"
#include "backends/openvino/openvino_types.hpp"
#include "backends/openvino_text/precision_note.hpp"

namespace ocelli::openvino {
namespace {

// What a query gives, or empty where the device does not know the property.
template <typename Query>
auto ask(Query query) -> std::optional<decltype(query())> {
  try {
    return query();
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

bool has_type(const ModelSignature& signature, std::initializer_list<DataType> types) {
  const auto matches = [&](const TensorSpec& spec) {
    return std::find(types.begin(), types.end(), spec.type) != types.end();
  };
  return std::any_of(signature.inputs.begin(), signature.inputs.end(), matches) ||
         std::any_of(signature.outputs.begin(), signature.outputs.end(), matches);
}

// Layers whose arithmetic makes up the time of a model, as the runtime graph calls them.
bool is_heavy(const std::string& layer) {
  static constexpr std::array<std::string_view, 8> kHeavy{
      "Convolution", "GroupConvolution", "Deconvolution", "FullyConnected",
      "MatMul",      "RNNSeq",           "RNNCell",       "ScaledDotProductAttention"};
  return std::find(kHeavy.begin(), kHeavy.end(), layer) != kHeavy.end();
}

// "f32", "I8" and so on as we write them; empty for others.
std::string upper_precision(const std::string& name) {
  if (name == "i8" || name == "u8" || name == "I8") return "INT8";
  if (name == "f32") return "FP32";
  if (name == "f16") return "FP16";
  if (name == "bf16") return "BF16";
  return "";
}

// What one layer computes in. Its kernel's name ends with that ("brgconv_avx512_1x1_bf16"); "runtimePrecision" is only
// the type of what comes in, which differs from it for weights kept in FP16.
std::string precision_of_layer(const ov::RTMap& info) {
  if (const auto kernel = info.find("primitiveType"); kernel != info.end()) {
    const auto name = kernel->second.as<std::string>();
    auto precision = upper_precision(name.substr(name.rfind('_') + 1));
    if (!precision.empty()) return precision;
  }
  const auto precision = info.find("runtimePrecision");
  return precision == info.end() ? "" : upper_precision(precision->second.as<std::string>());
}

// Layers that only bring tensors in or out, or into another form.
bool only_moves(const std::string& layer) {
  static constexpr std::array<std::string_view, 7> kMoving{"Input",   "Output",      "Const",       "Convert",
                                                           "Reorder", "MemoryInput", "MemoryOutput"};
  return std::find(kMoving.begin(), kMoving.end(), layer) != kMoving.end();
}

// The heavy layers of the graph that runs, by what they compute in; else the others that compute. Empty when the device
// does not show its graph or nothing in it computes.
LayerCounts layers_of_graph(const ov::CompiledModel& compiled) {
  LayerCounts heavy;
  LayerCounts light;
  for (const auto& node : compiled.get_runtime_model()->get_ordered_ops()) {
    const auto& info = node->get_rt_info();
    const auto layer = info.find("layerType");
    if (layer == info.end()) continue;
    const auto type = layer->second.as<std::string>();
    if (only_moves(type)) continue;
    if (const auto name = precision_of_layer(info); !name.empty()) ++(is_heavy(type) ? heavy : light)[name];
  }
  if (!heavy.empty() || light.empty()) return heavy;
  return {{most_frequent(light), 1}};  // a mixture of these (shapes in integers beside floats) tells a user nothing
}

LayerCounts layers_of(const ov::CompiledModel& compiled, const ModelSignature& signature) {
  if (auto seen = ask([&] { return layers_of_graph(compiled); }); seen && !seen->empty()) return *seen;
  // What the device would do with floats says nothing about a model without any.
  if (!has_type(signature, {DataType::kFp16, DataType::kBf16, DataType::kFp32, DataType::kFp64}) &&
      !signature.outputs.empty())
    return {{std::string(precision_name(signature.outputs.front().type)), 1}};
  const auto hint = ask([&] { return compiled.get_property(ov::hint::inference_precision); });
  const auto type = hint ? from_ov(*hint) : DataType::kUndefined;
  return {{std::string(precision_name(type == DataType::kUndefined ? DataType::kFp32 : type)), 1}};
}

bool has_text(const ov::RTMap& info, const char* key, std::string_view text) {
  const auto found = info.find(key);
  return found != info.end() && found->second.as<std::string>() == text;
}

// What a device that carries the type in 32 bits makes of it, as its graph calls it; empty for types that it keeps.
std::string_view narrow_type(const ov::element::Type& type) {
  if (type == ov::element::i64 || type == ov::element::u64) return "i32";
  return type == ov::element::f64 ? "f32" : "";
}

// Whether the graph begins with converting the input of this name.
bool converts_input(const ov::Model& graph, const std::string& name, std::string_view type) {
  for (const auto& node : graph.get_ordered_ops()) {
    if (node->get_friendly_name() != name || node->get_output_size() == 0) continue;
    for (const auto& user : node->output(0).get_target_inputs()) {
      const auto& info = user.get_node()->get_rt_info();
      if (has_text(info, "layerType", "Convert") && has_text(info, "outputPrecisions", type)) return true;
    }
  }
  return false;
}

std::string note_about(const ExecutionInfo& info, const LayerCounts& layers, const ModelSignature& signature,
                       const CompileOptions& options) {
  std::vector<std::string> notes;
  const bool told =
      options.properties.contains("INFERENCE_PRECISION_HINT") || options.properties.contains("EXECUTION_MODE_HINT");
  if (auto note = precision_note(layers, told); !note.empty()) notes.push_back(std::move(note));
  if (info.device == "CPU" && has_type(signature, {DataType::kInt64, DataType::kUint64}))
    notes.emplace_back("64-bit integers are computed in 32 bits");
  if (info.device == "CPU" && has_type(signature, {DataType::kFp64})) notes.emplace_back("FP64 is computed in FP32");
  return fmt::format("{}", fmt::join(notes, "; "));
}

void flatten(const std::string& prefix, const ov::AnyMap& map, std::map<std::string, std::string>& result) {
  for (const auto& entry : map) {
    const ov::Any& value = entry.second;
    const std::string name = fmt::format("{}/{}", prefix, entry.first);
    if (value.is<ov::AnyMap>()) {
      flatten(name, value.as<ov::AnyMap>(), result);
    } else if (const auto text = ask([&] { return value.as<std::string>(); })) {
      result.emplace(name, *text);
    }
  }
}

}  // namespace

std::string version_text() {
  const ov::Version version = ov::get_openvino_version();
  return version.buildNumber ? version.buildNumber : "";
}

ExecutionInfo execution_info(const ov::Core& core, const ov::CompiledModel& compiled, const ModelSignature& signature,
                             const CompileOptions& options) {
  ExecutionInfo info;
  info.runtime = "OpenVINO";
  info.runtime_version = version_text();
  auto devices = ask([&] { return compiled.get_property(ov::execution_devices); });
  if (!devices || devices->empty()) devices = parse_device_list(options.device).members;
  for (auto& device : *devices)
    std::erase_if(device, [](char c) { return c == '(' || c == ')'; });  // AUTO marks its stand-in "(CPU)"
  info.device = fmt::format("{}", fmt::join(*devices, ","));
  if (!devices->empty()) {
    info.device_name = ask([&] { return core.get_property(devices->front(), ov::device::full_name); }).value_or("");
  }
  const auto layers = layers_of(compiled, signature);
  info.precision = most_frequent(layers);
  if (const auto streams = ask([&] { return compiled.get_property(ov::num_streams).num; }); streams && *streams > 0) {
    info.streams = static_cast<std::uint32_t>(*streams);
  }
  if (const auto threads = ask([&] { return compiled.get_property(ov::inference_num_threads); });
      threads && *threads > 0) {
    info.threads = static_cast<std::uint32_t>(*threads);
  }
  const auto requests = ask([&] { return compiled.get_property(ov::optimal_number_of_infer_requests); });
  info.optimal_requests = std::max<std::uint32_t>(1, requests.value_or(1));
  // The CPU device completes requests on its thread "CPUCallbackExecutor"; a stream whose queue is empty sleeps
  // meanwhile. With one stream nothing was gained by a request ahead, with two of them 0.8 to 1.4 % (ADR 0005).
  if (info.device == "CPU") info.requests_ahead = info.streams / 2;
  info.loaded_from_cache = ask([&] { return compiled.get_property(ov::loaded_from_cache); }).value_or(false);
  info.note = note_about(info, layers, signature, options);
  return info;
}

std::vector<bool> narrow_inputs(const ov::CompiledModel& compiled, const ExecutionInfo& info) {
  const auto inputs = compiled.inputs();
  std::vector<bool> narrow(inputs.size());
  std::shared_ptr<const ov::Model> graph;
  for (std::size_t i = 0; i < inputs.size() && info.device == "CPU"; ++i) {
    const auto type = narrow_type(inputs[i].get_element_type());
    if (type.empty()) continue;
    if (!graph) graph = ask([&] { return compiled.get_runtime_model(); }).value_or(nullptr);
    const auto& name = inputs[i].get_node()->get_friendly_name();
    narrow[i] = !graph || ask([&] { return converts_input(*graph, name, type); }).value_or(true);
  }
  return narrow;
}

DeviceInfo device_info(const ov::Core& core, const std::string& device) {
  DeviceInfo info;
  info.name = device;
  info.full_name = ask([&] { return core.get_property(device, ov::device::full_name); }).value_or("");
  info.kind = device.starts_with("CPU")   ? "cpu"
              : device.starts_with("GPU") ? "gpu"
              : device.starts_with("NPU") ? "npu"
                                          : "virtual";
  static constexpr std::array<std::string_view, 4> kPrecisions{"FP32", "BF16", "FP16", "INT8"};
  for (const auto& capability :
       ask([&] { return core.get_property(device, ov::device::capabilities); }).value_or(std::vector<std::string>{})) {
    if (std::find(kPrecisions.begin(), kPrecisions.end(), capability) != kPrecisions.end())
      info.precisions.push_back(capability);
  }
  if (info.kind == "gpu") {
    info.memory_bytes =
        ask([&] { return core.get_property(device, ov::intel_gpu::device_total_mem_size); }).value_or(0);
    info.discrete = ask([&] { return core.get_property(device, ov::device::type); }) == ov::device::Type::DISCRETE;
  }
  if (info.kind == "npu") {
    info.memory_bytes =
        ask([&] { return core.get_property(device, ov::intel_npu::device_total_mem_size); }).value_or(0);
    if (const auto version = ask([&] { return core.get_property(device, ov::intel_npu::driver_version); }))
      info.driver = fmt::format("Intel NPU driver {}", *version);
  }
  return info;
}

std::map<std::string, std::string> model_info(const ov::Model& model) {
  std::map<std::string, std::string> result;
  if (!model.has_rt_info("model_info")) return result;
  if (const auto map = ask([&] { return model.get_rt_info<ov::AnyMap>("model_info"); }))
    flatten("model_info", *map, result);
  return result;
}

}  // namespace ocelli::openvino
