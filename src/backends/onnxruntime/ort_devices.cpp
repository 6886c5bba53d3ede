#include "backends/onnxruntime/ort_devices.hpp"

#include <fmt/format.h>

#include <fstream>

#include "backends/onnxruntime/nvidia_driver.hpp"
#include "backends/onnxruntime/nvidia_libraries.hpp"
#include "backends/onnxruntime/ort_providers.hpp"
#include "runtime/host_processor.hpp"

namespace ocelli::onnxruntime {
namespace {

DeviceInfo nvidia_device(const OrtLibrary& library, const NvidiaCard& card, std::uint32_t index, Provider provider) {
  DeviceInfo info;
  info.name = ProviderUse{provider, index}.to_string();
  info.full_name = card.name;
  info.kind = "gpu";
  info.memory_bytes = card.memory_bytes;
  info.precisions = {"FP32", "FP16"};
  if (card.has_tf32()) info.precisions.insert(info.precisions.end(), {"TF32", "BF16"});
  if (provider == Provider::kTensorrt) info.precisions.emplace_back("INT8");
  info.driver = fmt::format("NVIDIA, CUDA {}", nvidia_driver_version());
  const auto ready = check_provider(library, provider);
  info.usable = ready.ok();
  info.reason = ready.message();
  if (!info.usable) info.remedy = fmt::format("tools/setup/setup {}", setup_group(provider));
  return info;
}

}  // namespace

bool has_provider(const OrtLibrary& library, Provider provider) {
  char** names = nullptr;
  int count = 0;
  if (!take(*library.api, library.api->GetAvailableProviders(&names, &count), StatusCode::kInternal).ok()) return false;
  bool found = false;
  for (int i = 0; i < count; ++i) found = found || std::string_view(names[i]) == provider_name(provider);
  (void)take(*library.api, library.api->ReleaseAvailableProviders(names, count), StatusCode::kInternal);
  return found;
}

std::vector<DeviceInfo> list_devices(const OrtLibrary& library, const Log& log) {
  DeviceInfo cpu;
  cpu.name = "CPU";
  cpu.full_name = host_processor_name();
  cpu.kind = "cpu";
  cpu.precisions = {"FP32", "INT8"};
  std::vector<DeviceInfo> result{std::move(cpu)};
  const auto cards = nvidia_cards();
  if (!cards.empty()) open_nvidia_wheels(library.folder, log);
  for (std::uint32_t i = 0; i < cards.size(); ++i) {
    result.push_back(nvidia_device(library, cards[i], i, Provider::kTensorrt));
    result.push_back(nvidia_device(library, cards[i], i, Provider::kCuda));
  }
  return result;
}

}  // namespace ocelli::onnxruntime
