#include "devices/automatic_devices.hpp"

#include <algorithm>
#include <string_view>
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

constexpr std::string_view kNvidia = "NVIDIA";

bool is_gpu(const DeviceInfo& device) { return device.name == "GPU" || device.name.starts_with("GPU."); }

// GPU.2 before GPU.10.
bool by_number(const std::string& left, const std::string& right) {
  return left.size() != right.size() ? left.size() < right.size() : left < right;
}

std::vector<DeviceInfo> listed(RuntimeRegistry& runtimes, const char* name) {
  const auto runtime = runtimes.get(name);
  return runtime.ok() ? (*runtime)->devices() : std::vector<DeviceInfo>();
}

void add_gpus(std::vector<DeviceInfo> devices, std::vector<DeviceInfo>& gpus) {
  for (auto& device : devices) {
    const bool is_known = std::ranges::find(gpus, device.name, &DeviceInfo::name) != gpus.end();
    if (is_gpu(device) && !is_known) gpus.push_back(std::move(device));
  }
}

// The usable ones whose names are `provider` and a number, as NVIDIA cards.
void add_cards(const std::vector<DeviceInfo>& devices, std::string_view provider, std::vector<std::string>& cards) {
  for (const auto& device : devices) {
    if (!device.usable || !device.name.starts_with(provider) || device.name.size() == provider.size()) continue;
    if (device.name[provider.size()] != '.') continue;
    auto card = std::string(kNvidia) + device.name.substr(provider.size());
    if (std::ranges::find(cards, card) == cards.end()) cards.push_back(std::move(card));
  }
}

bool has_mali(const std::vector<DeviceInfo>& devices) {
  return std::ranges::any_of(devices, [](const DeviceInfo& info) { return info.name == kMali && info.usable; });
}

}  // namespace

std::vector<std::string> automatic_devices(FoundDevices found) {
  std::ranges::sort(found.nvidia, by_number);
  std::ranges::sort(found.gpus, [](const DeviceInfo& left, const DeviceInfo& right) {
    return left.discrete != right.discrete ? left.discrete : by_number(left.name, right.name);
  });
  auto names = std::move(found.nvidia);
  if (names.empty() || (names.size() == 1 && names.front() == "NVIDIA.0")) names = {std::string(kNvidia)};
  for (auto& gpu : found.gpus) names.push_back(std::move(gpu.name));
  if (found.gpus.empty()) names.emplace_back("GPU");
  if (found.mali) names.emplace_back(kMali);
  names.emplace_back("CPU");
  return names;
}

std::vector<std::string> automatic_devices(RuntimeRegistry& runtimes, bool simulated) {
  FoundDevices found;
  if (simulated) {
    const auto devices = listed(runtimes, "simulated");
    add_cards(devices, kNvidia, found.nvidia);
    add_gpus(devices, found.gpus);
    found.mali = has_mali(devices);
  }
  add_cards(listed(runtimes, "onnxruntime"), "CUDA", found.nvidia);
  add_gpus(listed(runtimes, "openvino"), found.gpus);
  found.mali = found.mali || (kMayHaveMali && has_mali(listed(runtimes, "armnn")));
  return automatic_devices(std::move(found));
}

}  // namespace ocelli::devices
