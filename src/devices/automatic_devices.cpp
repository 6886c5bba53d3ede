#include "devices/automatic_devices.hpp"

#include <algorithm>
#include <utility>

namespace ocelli::devices {
namespace {

constexpr const char* kMali = "ARMNN.GpuAcc";
// ARM NN's backend for Mali GPUs exists for ARM processors only; elsewhere it need not even be asked.
#if defined(__aarch64__) || defined(__arm__)
constexpr bool kMayHaveMali = true;
#else
constexpr bool kMayHaveMali = false;
#endif

bool is_gpu(const DeviceInfo& device) { return device.name == "GPU" || device.name.starts_with("GPU."); }

// GPU.2 before GPU.10.
bool by_name(const DeviceInfo& left, const DeviceInfo& right) {
  return left.name.size() != right.name.size() ? left.name.size() < right.name.size() : left.name < right.name;
}

void add_gpus(RuntimeRegistry& runtimes, const char* name, std::vector<DeviceInfo>& gpus) {
  const auto runtime = runtimes.get(name);
  if (!runtime.ok()) return;
  for (auto& device : (*runtime)->devices()) {
    const bool is_known = std::ranges::find(gpus, device.name, &DeviceInfo::name) != gpus.end();
    if (is_gpu(device) && !is_known) gpus.push_back(std::move(device));
  }
}

bool has_usable(RuntimeRegistry& runtimes, const char* name, const char* device) {
  const auto runtime = runtimes.get(name);
  if (!runtime.ok()) return false;
  const auto listed = (*runtime)->devices();
  return std::ranges::any_of(listed, [&](const DeviceInfo& info) { return info.name == device && info.usable; });
}

}  // namespace

std::vector<std::string> automatic_devices(std::vector<DeviceInfo> gpus, bool mali) {
  std::ranges::sort(gpus, [](const DeviceInfo& left, const DeviceInfo& right) {
    return left.discrete != right.discrete ? left.discrete : by_name(left, right);
  });
  std::vector<std::string> names{"NVIDIA"};
  for (auto& gpu : gpus) names.push_back(std::move(gpu.name));
  if (gpus.empty()) names.emplace_back("GPU");
  if (mali) names.emplace_back(kMali);
  names.emplace_back("CPU");
  return names;
}

std::vector<std::string> automatic_devices(RuntimeRegistry& runtimes, bool simulated) {
  std::vector<DeviceInfo> gpus;
  if (simulated) add_gpus(runtimes, "simulated", gpus);
  add_gpus(runtimes, "openvino", gpus);
  const bool mali =
      (simulated && has_usable(runtimes, "simulated", kMali)) || (kMayHaveMali && has_usable(runtimes, "armnn", kMali));
  return automatic_devices(std::move(gpus), mali);
}

}  // namespace ocelli::devices
