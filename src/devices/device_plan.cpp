#include "devices/device_plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <initializer_list>

#include "base/letter_case.hpp"
#include "devices/automatic_devices.hpp"
#include "devices/device_memory.hpp"
#include "devices/plan_keys.hpp"
#include "runtime/execution_properties.hpp"

namespace ocelli::devices {
namespace {

using Properties = std::map<std::string, std::string>;

constexpr const char* kOpenvinoName = "openvino";
constexpr const char* kOnnxruntimeName = "onnxruntime";
constexpr const char* kSimulatedName = "simulated";
// Behind the dot of CPU.
constexpr std::string_view kOpenvinoWord = "OPENVINO";
constexpr std::string_view kOnnxruntimeWord = "ONNXRUNTIME";

enum class CpuRuntime : std::uint8_t { kUnspecified, kOpenvino, kOnnxruntime };

bool is_cpu(const DeviceName& device) { return device.name == "CPU"; }  // a simulated one too

bool all_of(const DeviceExpression& expression, std::initializer_list<DeviceKind> kinds) {
  return std::ranges::all_of(expression.members, [&](const DeviceMember& member) {
    return std::ranges::find(kinds, member.device.kind) != kinds.end();
  });
}

Result<CpuRuntime> take_cpu_runtime(Properties& properties) {
  const auto found = properties.find("RUNTIME");
  if (found == properties.end()) return CpuRuntime::kUnspecified;
  const std::string value = upper(found->second);
  if (value != "OPENVINO" && value != "ONNXRUNTIME") {
    return invalid_argument(
        fmt::format("plugin_config RUNTIME: OPENVINO or ONNXRUNTIME expected, not \"{}\"", found->second));
  }
  properties.erase(found);
  return value == "OPENVINO" ? CpuRuntime::kOpenvino : CpuRuntime::kOnnxruntime;
}

// A choice that nothing follows would be a mistake that nobody hears of.
Status check_cpu_runtime(const DeviceExpression& expression, CpuRuntime runtime) {
  if (runtime == CpuRuntime::kUnspecified) return {};
  const std::string_view wanted = runtime == CpuRuntime::kOpenvino ? "OPENVINO" : "ONNXRUNTIME";
  const bool used = std::ranges::any_of(expression.members, [&](const DeviceMember& member) {
    return is_cpu(member.device) && (member.device.instance.empty() || member.device.instance == wanted);
  });
  if (used) return {};
  return invalid_argument(fmt::format("plugin_config RUNTIME={} is for CPU, which target_device {} leaves no choice of",
                                      wanted, expression.to_string()));
}

std::vector<Placement> cpu_placements(const DeviceName& device, CpuRuntime runtime) {
  if (device.instance == "OPENVINO") runtime = CpuRuntime::kOpenvino;
  if (device.instance == "ONNXRUNTIME") runtime = CpuRuntime::kOnnxruntime;
  switch (runtime) {
    case CpuRuntime::kOpenvino:
      return {{kOpenvinoName, "CPU"}};
    case CpuRuntime::kOnnxruntime:
      return {{kOnnxruntimeName, "CPU"}};
    case CpuRuntime::kUnspecified:
      break;
  }
  return {{kOpenvinoName, "CPU"}, {kOnnxruntimeName, "CPU"}};
}

Placement provider(const char* name, const DeviceName& device) {
  return {kOnnxruntimeName, fmt::format("{}.{}", name, device.instance.empty() ? "0" : device.instance)};
}

Result<std::vector<Placement>> placements(const DeviceName& device, CpuRuntime cpu) {
  switch (device.kind) {
    case DeviceKind::kCpu:
      return cpu_placements(device, cpu);
    case DeviceKind::kGpu:
    case DeviceKind::kNpu:
      return std::vector{Placement{kOpenvinoName, device.to_string()}};
    case DeviceKind::kNvidia:
      return std::vector{provider("TENSORRT", device), provider("CUDA", device)};
    case DeviceKind::kCuda:
      return std::vector{provider("CUDA", device)};
    case DeviceKind::kTensorrt:
      return std::vector{provider("TENSORRT", device)};
    case DeviceKind::kArmnn:
      return std::vector{Placement{"armnn", device.instance}};
    case DeviceKind::kSimulated:
      return std::vector{Placement{kSimulatedName, device.name}};
    case DeviceKind::kMyriad:
    case DeviceKind::kHddl:
    case DeviceKind::kLegacy:
      return std::vector{Placement{"openvino_c", device.to_string()}};
  }
  return internal_error("a device of no kind");
}

// One member per device, in the order written.
Result<std::vector<PlanMember>> members_of(const DeviceExpression& expression, CpuRuntime cpu) {
  std::vector<PlanMember> members;
  for (const auto& member : expression.members) {
    auto ways = placements(member.device, cpu);
    if (!ways.ok()) return ways.status();
    const bool counts_requests = expression.kind != PlanKind::kBatch;
    members.push_back({.target = member.device.to_string(),
                       .placements = std::move(*ways),
                       .requests = counts_requests ? member.count : std::nullopt,
                       .quick = is_cpu(member.device),
                       .memory = memory_of(member.device)});
  }
  return members;
}

// The list in one runtime's words, with `name` for each device.
template <typename Name>
std::string hetero_text(const DeviceExpression& expression, const Name& name) {
  std::string text;
  for (const auto& member : expression.members) text += (text.empty() ? "HETERO:" : ",") + name(member.device);
  return text;
}

// The ways to divide a model over the devices of the list: one runtime has to know them all.
Result<std::vector<Placement>> hetero_placements(const DeviceExpression& expression, CpuRuntime cpu) {
  using enum DeviceKind;
  const auto plain = [](const DeviceName& device) { return is_cpu(device) ? device.name : device.to_string(); };
  if (all_of(expression, {kSimulated})) return std::vector{Placement{kSimulatedName, hetero_text(expression, plain)}};
  if (std::ranges::count_if(expression.members, [](const auto& member) { return is_cpu(member.device); }) > 1) {
    return invalid_argument(fmt::format(
        "target_device {}: the processor stands in the list twice; a model is divided over different devices of one "
        "runtime, and MULTI runs it on both runtimes of the processor",
        expression.to_string()));
  }
  const auto names = [&](std::string_view runtime) {
    return std::ranges::any_of(expression.members,
                               [&](const DeviceMember& member) { return member.device.instance == runtime; });
  };
  const bool wants_onnxruntime = cpu == CpuRuntime::kOnnxruntime || names(kOnnxruntimeWord);
  const bool wants_openvino = cpu == CpuRuntime::kOpenvino || names(kOpenvinoWord);
  if (!wants_onnxruntime && all_of(expression, {kCpu, kGpu, kNpu}))
    return std::vector{Placement{kOpenvinoName, hetero_text(expression, plain)}};
  if (!wants_openvino && all_of(expression, {kCpu, kNvidia, kCuda, kTensorrt})) {
    const auto text = [&](bool tensorrt) {
      return hetero_text(expression, [&](const DeviceName& device) {
        if (device.kind == kCpu) return std::string("CPU");
        auto cuda = provider("CUDA", device).device;
        if (device.kind == kCuda) return cuda;
        auto both = provider("TENSORRT", device).device;
        if (device.kind == kTensorrt) return both;
        return tensorrt ? both + "," + cuda : cuda;
      });
    };
    std::vector<Placement> ways{{kOnnxruntimeName, text(true)}};
    if (text(false) != text(true)) ways.push_back({kOnnxruntimeName, text(false)});
    return ways;
  }
  return unimplemented(fmt::format(
      "target_device {}: no runtime divides a model over these devices; OpenVINO does over CPU, GPU and NPU, ONNX "
      "Runtime over NVIDIA, CUDA, TENSORRT and CPU",
      expression.to_string()));
}

// One device of a list is used without it, unless the list is told how to divide.
bool is_divided(const DeviceExpression& expression, CpuRuntime cpu, const Properties& properties) {
  if (expression.kind != PlanKind::kHetero) return false;
  if (expression.members.size() > 1) return true;
  const auto& device = expression.members.front().device;
  const bool onnxruntime = cpu == CpuRuntime::kOnnxruntime || device.instance == kOnnxruntimeWord;
  return properties.contains("MODEL_DISTRIBUTION_POLICY") && !onnxruntime &&
         all_of(expression, {DeviceKind::kCpu, DeviceKind::kGpu, DeviceKind::kNpu});
}

// Every request of a divided model runs on all of its devices, so the smallest limit holds; empty: there is none.
std::optional<std::uint32_t> hetero_requests(const DeviceExpression& expression) {
  std::optional<std::uint32_t> least;
  for (const auto& member : expression.members) {
    if (member.count && (!least || *member.count < *least)) least = member.count;
  }
  return least;
}

Result<DevicePlan> plan_for(const DeviceExpression& expression, CpuRuntime cpu, Properties& properties) {
  DevicePlan plan;
  if (is_divided(expression, cpu, properties)) {
    auto ways = hetero_placements(expression, cpu);
    if (!ways.ok()) return ways.status();
    // How the model is divided is known to its runtime only; the first device is the one that is meant to carry it.
    plan.members.push_back({.target = expression.to_string(),
                            .placements = std::move(*ways),
                            .requests = hetero_requests(expression),
                            .memory = memory_of(expression.members.front().device)});
  } else {
    auto members = members_of(expression, cpu);
    if (!members.ok()) return members.status();
    plan.members = std::move(*members);
  }
  if (expression.kind == PlanKind::kBatch) {
    plan.batching = true;
    plan.batch = expression.members.front().count;
  }
  if (Status status = take_plan_keys(expression, properties, plan); !status.ok()) return status;
  return plan;
}

// "GPU" leaves out every GPU, "GPU.0" that one and a "GPU" without a number, which is the same.
bool is_left_out(const std::string& name, const std::vector<DeviceName>& left_out) {
  return std::ranges::any_of(left_out, [&](const DeviceName& device) {
    if (device.instance.empty()) return name == device.name || name.starts_with(device.name + ".");
    return name == device.to_string() || (name == device.name && device.instance == "0");
  });
}

std::vector<std::string> not_left_out(std::vector<std::string> names, const std::vector<DeviceName>& left_out) {
  std::erase_if(names, [&](const std::string& name) { return is_left_out(name, left_out); });
  return names;
}

// OpenVINO's other way to give a list its devices, "AUTO" and MULTI_DEVICE_PRIORITIES, is taken out of properties.
// Behind a list it has to name the same.
Result<DeviceExpression> parse_with_priorities(std::string_view target_device, Properties& properties,
                                               const std::vector<std::string>& simulated) {
  const auto list = properties.find("MULTI_DEVICE_PRIORITIES");
  auto kind = upper(target_device.substr(0, target_device.find(':')));
  std::erase_if(kind, [](char c) { return c == ' ' || c == '\t'; });
  const bool takes_list = kind == "AUTO" || kind == "MULTI" || kind == "HETERO" || kind == "BATCH";
  if (list == properties.end() || !takes_list) return parse_target_device(target_device, simulated);
  const auto given = properties.extract(list).mapped();
  auto wanted = parse_target_device(fmt::format("{}:{}", kind, given), simulated);
  if (target_device.find(':') == std::string_view::npos) return wanted;
  auto expression = parse_target_device(target_device, simulated);
  if (!expression.ok() || (wanted.ok() && *wanted == *expression)) return expression;
  return invalid_argument(fmt::format(
      "plugin_config MULTI_DEVICE_PRIORITIES is {}, but target_device is {}: the devices are to be named in "
      "one of them",
      given, target_device));
}

}  // namespace

Result<DevicePlan> make_plan(const DeviceExpression& expression,
                             const std::map<std::string, std::string>& plugin_config) {
  Properties properties = plugin_config;
  const auto cpu = take_cpu_runtime(properties);
  if (!cpu.ok()) return cpu.status();
  if (Status status = check_streams_and_hint(properties); !status.ok()) return status;
  if (expression.kind == PlanKind::kAuto && expression.members.empty())
    return make_plan(expression.to_string(), plugin_config);
  if (Status status = check_cpu_runtime(expression, *cpu); !status.ok()) return status;
  auto plan = plan_for(expression, *cpu, properties);
  if (!plan.ok()) return plan;
  plan->properties = std::move(properties);
  return plan;
}

DevicePlan with_cpu_runtimes_apart(DevicePlan plan) {
  if (plan.members.size() != 1 || plan.batching) return plan;
  const PlanMember member = plan.members.front();
  const bool is_plain_cpu = member.target == "CPU" && member.placements.size() > 1;
  if (!is_plain_cpu) return plan;
  plan.use = DevicePlan::Use::kFirst;
  plan.members.clear();
  for (const auto& placement : member.placements) {
    auto& way = plan.members.emplace_back(member);
    way.target = "CPU." + upper(placement.runtime);
    way.placements = {placement};
    // Meant for the processor, whoever computes there: one that does not know a key does not serve, however fast.
    for (const auto& [key, value] : plan.properties) way.properties.emplace(key, value);
  }
  return plan;
}

Result<DevicePlan> make_plan(std::string_view target_device, const std::map<std::string, std::string>& plugin_config,
                             const std::vector<std::string>& simulated, const AutomaticDevices& automatic) {
  Properties properties = plugin_config;
  auto expression = parse_with_priorities(target_device, properties, simulated);
  if (!expression.ok()) return expression.status();
  if (expression->kind == PlanKind::kAuto && expression->members.empty()) {
    const auto names = not_left_out(automatic ? automatic() : automatic_devices(), expression->left_out);
    if (names.empty()) return invalid_argument(fmt::format("target_device \"{}\": no device is left", target_device));
    // Named one by one, so that a simulated device stands in for the real one of its name.
    expression = parse_target_device(fmt::format("AUTO:{}", fmt::join(names, ",")), simulated);
    if (!expression.ok()) return expression.status();
  }
  return make_plan(*expression, properties);
}

}  // namespace ocelli::devices
