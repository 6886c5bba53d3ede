#include "devices/device_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace ocelli::devices {
namespace {

using Properties = std::map<std::string, std::string>;

constexpr const char* kOpenvinoName = "openvino";
constexpr const char* kOnnxruntimeName = "onnxruntime";

enum class CpuRuntime : std::uint8_t { kUnspecified, kOpenvino, kOnnxruntime };

bool is_intel(const DeviceMember& member) {
  return member.device.kind == DeviceKind::kCpu || member.device.kind == DeviceKind::kGpu ||
         member.device.kind == DeviceKind::kNpu;
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
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

Status check_properties(const Properties& properties) {
  if (properties.contains("NUM_STREAMS") && properties.contains("PERFORMANCE_HINT")) {
    return invalid_argument(
        "plugin_config: NUM_STREAMS and PERFORMANCE_HINT cannot be given together; the hint chooses the streams");
  }
  return {};
}

std::vector<Placement> cpu_placements(CpuRuntime runtime) {
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
      return cpu_placements(cpu);
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
      return std::vector{Placement{"simulated", device.name}};
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
    members.push_back({member.device.to_string(), *ways, counts_requests ? member.count : std::nullopt});
  }
  return members;
}

// AUTO, MULTI, HETERO or BATCH that OpenVINO's own plugins carry out.
DevicePlan native_plan(const DeviceExpression& expression) {
  DevicePlan plan;
  const std::string text = expression.to_string();
  plan.members.push_back({text, {{kOpenvinoName, text}}});
  if (expression.kind != PlanKind::kAuto) return plan;
  // OpenVINO's AUTO gives up where one of its devices is missing altogether; the promise is "the next one".
  plan.use = DevicePlan::Use::kFirst;
  for (const auto& member : expression.members) {
    plan.members.push_back({member.device.to_string(), {{kOpenvinoName, member.device.to_string()}}, member.count});
  }
  const bool cpu_allowed = expression.members.empty() ||
                           std::any_of(expression.members.begin(), expression.members.end(),
                                       [](const auto& member) { return member.device.kind == DeviceKind::kCpu; });
  if (cpu_allowed) plan.members.push_back({"CPU", {{kOnnxruntimeName, "CPU"}}});
  return plan;
}

Result<DevicePlan> combined_plan(const DeviceExpression& expression, CpuRuntime cpu, const Properties& properties) {
  DevicePlan plan;
  auto members = members_of(expression, cpu);
  if (!members.ok()) return members.status();
  plan.members = std::move(members).value();
  switch (expression.kind) {
    case PlanKind::kSingle:
    case PlanKind::kMulti:
      break;
    case PlanKind::kAuto:
      if (value_of(properties, "PERFORMANCE_HINT") != "CUMULATIVE_THROUGHPUT") plan.use = DevicePlan::Use::kFirst;
      break;
    case PlanKind::kBatch:
      plan.batch = expression.members.front().count;
      break;
    case PlanKind::kHetero:
      if (plan.members.size() > 1) {
        return unimplemented(fmt::format("target_device {}: HETERO over devices of several runtimes is not available",
                                         expression.to_string()));
      }
      break;
  }
  return plan;
}

}  // namespace

Result<DevicePlan> make_plan(const DeviceExpression& expression,
                             const std::map<std::string, std::string>& plugin_config) {
  Properties properties = plugin_config;
  const auto cpu = take_cpu_runtime(properties);
  if (!cpu.ok()) return cpu.status();
  if (Status status = check_properties(properties); !status.ok()) return status;
  const bool native = expression.kind != PlanKind::kSingle && *cpu != CpuRuntime::kOnnxruntime &&
                      std::all_of(expression.members.begin(), expression.members.end(), is_intel);
  auto plan = native ? Result<DevicePlan>(native_plan(expression)) : combined_plan(expression, *cpu, properties);
  if (!plan.ok()) return plan;
  if (plan->members.empty()) plan->members.push_back({"CPU", cpu_placements(*cpu)});
  plan->properties = std::move(properties);
  return plan;
}

Result<DevicePlan> make_plan(std::string_view target_device, const std::map<std::string, std::string>& plugin_config,
                             const std::vector<std::string>& simulated) {
  auto expression = parse_target_device(target_device, simulated);
  if (!expression.ok()) return expression.status();
  return make_plan(*expression, plugin_config);
}

}  // namespace ocelli::devices
