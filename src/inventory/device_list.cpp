#include "inventory/device_list.hpp"

#include <algorithm>
#include <array>

#include "inventory/checks/checks.hpp"
#include "inventory/text_parts.hpp"

namespace ocelli::inventory {
namespace {

constexpr std::array kFormats{ModelFormat::kOpenvinoIr, ModelFormat::kOnnx,   ModelFormat::kPaddle,
                              ModelFormat::kTensorflow, ModelFormat::kTflite, ModelFormat::kArmnn};

// Hardware, the name that a target_device has for it, and the beginnings of the names by which runtimes list it.
struct Hardware {
  Area area;
  std::string_view target;
  std::string_view title;
  std::string_view kind;
  std::array<std::string_view, 3> names;
  void (*check)(const Machine&, Findings&);
};

constexpr std::array kHardware{
    Hardware{Area::kIntelGpu, "GPU", "Intel GPU", "gpu", {"GPU"}, check_intel_gpu},
    Hardware{Area::kIntelNpu, "NPU", "Intel NPU", "npu", {"NPU"}, check_intel_npu},
    Hardware{Area::kNvidia, "NVIDIA", "NVIDIA GPU", "gpu", {"NVIDIA", "CUDA", "TENSORRT"}, check_nvidia},
    Hardware{Area::kMali, "MALI", "Arm Mali GPU", "gpu", {"ARMNN.GpuAcc", "MALI"}, check_mali},
    Hardware{Area::kMyriad, "MYRIAD", "Neural Compute Stick 2", "vpu", {"MYRIAD"}, check_myriad},
    Hardware{Area::kHddl, "HDDL", "HDDL card", "vpu", {"HDDL"}, check_hddl},
    Hardware{Area::kAmd, "", "AMD GPU", "gpu", {}, check_amd},
    Hardware{Area::kRockchip, "", "Rockchip NPU", "npu", {}, check_rockchip},
    Hardware{Area::kOthers, "", "other accelerator", "npu", {}, check_others},
};

// The device that a runtime stands for above all, to say that it is missing with its runtime.
std::string_view main_target(std::string_view runtime) {
  if (runtime == "openvino" || runtime == "onnxruntime") return "CPU";
  if (runtime == "armnn") return "ARMNN";
  return "";
}

std::uint64_t host_memory(const MachineFiles& files) {
  const auto text = files.text("/proc/meminfo", 65536).value_or("");
  const auto parts = words(text);
  return parts.size() > 1 && parts[0] == "MemTotal:" ? number(parts[1]).value_or(0) * 1024 : 0;
}

DeviceEntry entry_of(Runtime& runtime, DeviceInfo info, const Machine& machine) {
  DeviceEntry entry;
  const std::string name(runtime.name());
  entry.target = name == "armnn" && !info.name.starts_with("ARMNN") ? "ARMNN." + info.name : info.name;
  entry.runtime = name;
  entry.runtime_version = runtime.version();
  entry.state = info.usable ? DeviceState::kUsable : DeviceState::kUnusable;
  entry.shares_host_memory = info.memory_bytes == 0 && info.kind == "cpu";
  if (entry.shares_host_memory) info.memory_bytes = host_memory(machine.files);
  for (const auto format : kFormats) {
    if (runtime.supports(format)) entry.formats.emplace_back(model_format_name(format));
  }
  entry.info = std::move(info);
  return entry;
}

void add_runtime(devices::RuntimeRegistry& registry, const std::string& name, const Machine& machine,
                 std::vector<DeviceEntry>& entries) {
  const auto runtime = registry.get(name);
  if (runtime.ok()) {
    for (auto& info : (*runtime)->devices()) entries.push_back(entry_of(**runtime, std::move(info), machine));
    return;
  }
  // Nobody asked for simulated devices; an older OpenVINO is missed only by who has its hardware, which says so itself.
  if (name == "simulated" || name == "openvino_c") return;
  DeviceEntry entry;
  entry.target = main_target(name);
  entry.runtime = name;
  entry.state = DeviceState::kUnusable;
  entry.info.usable = false;
  entry.info.reason = runtime.status().message();
  entries.push_back(std::move(entry));
}

bool is_listed_as(const DeviceEntry& entry, const Hardware& hardware) {
  return !entry.runtime_version.empty() &&
         std::any_of(hardware.names.begin(), hardware.names.end(),
                     [&](std::string_view name) { return !name.empty() && entry.target.starts_with(name); });
}

// The finding that explains best why hardware cannot be used.
const Finding* worst(const Findings& findings) {
  for (const auto verdict : {Verdict::kProblem, Verdict::kWarning}) {
    for (const auto& finding : findings) {
      if (finding.verdict == verdict) return &finding;
    }
  }
  return nullptr;
}

// Completes what a runtime says of hardware that it cannot use.
void explain(DeviceEntry& entry, const Finding& device, const Finding* why) {
  auto& info = entry.info;
  if (device.verdict == Verdict::kAbsent) {
    entry.state = DeviceState::kAbsent;
    info.reason = device.found + (info.reason.empty() ? "" : "; " + info.reason);
    info.remedy = device.remedy;
    return;
  }
  if (!why) return;
  if (info.reason.empty()) info.reason = why->found;
  if (info.remedy.empty()) info.remedy = why->remedy;
}

DeviceEntry unlisted(const Hardware& hardware, const Finding& device, const Finding* why) {
  const bool is_absent = device.verdict == Verdict::kAbsent;
  DeviceEntry entry;
  entry.target = hardware.target;
  entry.state = is_absent ? DeviceState::kAbsent : DeviceState::kUnusable;
  entry.info.name = hardware.target;
  entry.info.full_name = hardware.title;
  entry.info.kind = hardware.kind;
  entry.info.usable = false;
  if (is_absent) why = &device;
  if (!is_absent && why != &device) entry.info.full_name += ": " + device.found;
  entry.info.reason = why ? why->found : "every prerequisite is there, but no runtime lists it";
  entry.info.remedy = why ? why->remedy : "ocelli doctor";
  return entry;
}

void add_hardware(const Hardware& hardware, const Machine& machine, std::vector<DeviceEntry>& entries) {
  Findings findings;
  hardware.check(machine, findings);
  const auto& device = findings.front();
  const auto* why = worst(findings);
  bool is_listed = false;
  for (auto& entry : entries) {
    if (!is_listed_as(entry, hardware)) continue;
    is_listed = true;
    if (entry.state != DeviceState::kUsable) explain(entry, device, why);
  }
  // Absent hardware that no target_device names is of no interest to anybody.
  if (is_listed || (device.verdict == Verdict::kAbsent && hardware.target.empty())) return;
  entries.push_back(unlisted(hardware, device, why));
}

}  // namespace

std::string_view device_state_name(DeviceState state) noexcept {
  switch (state) {
    case DeviceState::kUsable:
      return "usable";
    case DeviceState::kUnusable:
      return "unusable";
    default:
      return "absent";
  }
}

std::vector<DeviceEntry> list_devices(devices::RuntimeRegistry& registry, const Machine& machine, DeviceFilter filter) {
  std::vector<DeviceEntry> entries;
  for (const auto& state : registry.states()) add_runtime(registry, state.name, machine, entries);
  for (const auto& hardware : kHardware) add_hardware(hardware, machine, entries);
  if (filter == DeviceFilter::kPresent)
    std::erase_if(entries, [](const DeviceEntry& entry) { return entry.state == DeviceState::kAbsent; });
  std::stable_sort(entries.begin(), entries.end(),
                   [](const DeviceEntry& left, const DeviceEntry& right) { return left.state < right.state; });
  return entries;
}

}  // namespace ocelli::inventory
