#include "devices/device_plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <initializer_list>

#include "base/letter_case.hpp"
#include "devices/automatic_devices.hpp"
#include "devices/device_memory.hpp"
#include "devices/device_properties.hpp"
#include "runtime/execution_properties.hpp"

namespace ocelli::devices {
namespace {

using Properties = std::map<std::string, std::string>;

constexpr const char* kOpenvinoName = "openvino";
constexpr const char* kOnnxruntimeName = "onnxruntime";
constexpr const char* kSimulatedName = "simulated";

enum class CpuRuntime : std::uint8_t { kUnspecified, kOpenvino, kOnnxruntime };

bool is_cpu(const DeviceName& device) { return device.name == "CPU"; }  // a simulated one too

bool all_of(const DeviceExpression& expression, std::initializer_list<DeviceKind> kinds) {
  return std::ranges::all_of(expression.members, [&](const DeviceMember& member) {
    return std::ranges::find(kinds, member.device.kind) != kinds.end();
  });
}

std::string value_of(const Properties& properties, const char* key) {
  const auto found = properties.find(key);
  return found == properties.end() ? std::string() : upper(found->second);
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
  const bool wants_onnxruntime =
      cpu == CpuRuntime::kOnnxruntime || std::ranges::any_of(expression.members, [](const DeviceMember& member) {
        return member.device.instance == "ONNXRUNTIME";
      });
  if (!wants_onnxruntime && all_of(expression, {kCpu, kGpu, kNpu}))
    return std::vector{Placement{kOpenvinoName, hetero_text(expression, plain)}};
  if (cpu != CpuRuntime::kOpenvino && all_of(expression, {kCpu, kNvidia, kCuda, kTensorrt})) {
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

// Every request of a divided model runs on all of its devices, so the smallest limit holds; empty: there is none.
std::optional<std::uint32_t> hetero_requests(const DeviceExpression& expression) {
  std::optional<std::uint32_t> least;
  for (const auto& member : expression.members) {
    if (member.count && (!least || *member.count < *least)) least = member.count;
  }
  return least;
}

// The value of one of the plan's own keys, taken out of properties; empty when it is not there.
std::string take(Properties& properties, const char* key) {
  auto value = value_of(properties, key);
  properties.erase(key);
  return value;
}

Status take_switch(Properties& properties, const char* key, bool& field) {
  const auto value = take(properties, key);
  if (value.empty()) return {};
  field = value == "YES" || value == "TRUE";
  if (field || value == "NO" || value == "FALSE") return {};
  return invalid_argument(fmt::format("plugin_config {}: YES or NO expected, not \"{}\"", key, value));
}

Status take_batch_timeout(Properties& properties, DevicePlan& plan) {
  const auto value = take(properties, "AUTO_BATCH_TIMEOUT");
  if (value.empty()) return {};
  constexpr std::uint32_t kLongest = 60'000;
  std::uint32_t milliseconds = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), milliseconds);
  if (error != std::errc() || end != value.data() + value.size() || milliseconds > kLongest) {
    return invalid_argument(fmt::format(
        "plugin_config AUTO_BATCH_TIMEOUT: milliseconds from 0 to {} expected, not \"{}\"", kLongest, value));
  }
  plan.batch_timeout = std::chrono::milliseconds(milliseconds);
  return {};
}

Status take_device_properties(Properties& properties, DevicePlan& plan) {
  const auto found = properties.find("DEVICE_PROPERTIES");
  if (found == properties.end()) return {};
  const auto parsed = parse_device_properties(found->second);
  if (!parsed.ok()) return parsed.status();
  for (const auto& [device, own] : *parsed) {
    const auto member = std::ranges::find_if(
        plan.members, [&, name = device](const PlanMember& candidate) { return upper(candidate.target) == name; });
    if (member == plan.members.end())
      return invalid_argument(fmt::format("plugin_config DEVICE_PROPERTIES: {} is not in target_device", device));
    if (Status status = check_streams_and_hint(own); !status.ok()) return status;
    member->properties = own;
  }
  properties.erase(found);
  return {};
}

// AUTO's own keys, and its hint: a member that is used together with others runs for throughput.
Status read_auto(Properties& properties, DevicePlan& plan) {
  plan.use = DevicePlan::Use::kFirst;
  if (value_of(properties, "PERFORMANCE_HINT") == "CUMULATIVE_THROUGHPUT") {
    plan.use = DevicePlan::Use::kAny;
    properties["PERFORMANCE_HINT"] = "THROUGHPUT";
  }
  if (Status status = take_switch(properties, "ENABLE_STARTUP_FALLBACK", plan.startup_fallback); !status.ok())
    return status;
  return take_switch(properties, "ENABLE_RUNTIME_FALLBACK", plan.runtime_fallback);
}

Result<DevicePlan> plan_for(const DeviceExpression& expression, CpuRuntime cpu, Properties& properties) {
  DevicePlan plan;
  Status status;
  if (expression.kind == PlanKind::kHetero && expression.members.size() > 1) {
    auto ways = hetero_placements(expression, cpu);
    if (!ways.ok()) return ways.status();
    // How the model is divided is known to its runtime only; the first device is the one that is meant to carry it.
    plan.members.push_back({.target = expression.to_string(),
                            .placements = std::move(*ways),
                            .requests = hetero_requests(expression),
                            .memory = memory_of(expression.members.front().device)});
    return plan;
  }
  auto members = members_of(expression, cpu);
  if (!members.ok()) return members.status();
  plan.members = std::move(*members);
  if (expression.kind == PlanKind::kAuto) status = read_auto(properties, plan);
  if (expression.kind == PlanKind::kMulti && value_of(properties, "PERFORMANCE_HINT") == "CUMULATIVE_THROUGHPUT")
    properties["PERFORMANCE_HINT"] = "THROUGHPUT";
  if (expression.kind == PlanKind::kBatch) {
    plan.batching = true;
    plan.batch = expression.members.front().count;
    status = take_batch_timeout(properties, plan);
  }
  if (status.ok()) status = take_device_properties(properties, plan);
  if (!status.ok()) return status;
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
  }
  return plan;
}

Result<DevicePlan> make_plan(std::string_view target_device, const std::map<std::string, std::string>& plugin_config,
                             const std::vector<std::string>& simulated, const AutomaticDevices& automatic) {
  auto expression = parse_target_device(target_device, simulated);
  if (!expression.ok()) return expression.status();
  if (expression->kind == PlanKind::kAuto && expression->members.empty()) {
    const auto names = not_left_out(automatic ? automatic() : automatic_devices(), expression->left_out);
    if (names.empty()) return invalid_argument(fmt::format("target_device \"{}\": no device is left", target_device));
    // Named one by one, so that a simulated device stands in for the real one of its name.
    expression = parse_target_device(fmt::format("AUTO:{}", fmt::join(names, ",")), simulated);
    if (!expression.ok()) return expression.status();
  }
  return make_plan(*expression, plugin_config);
}

}  // namespace ocelli::devices
