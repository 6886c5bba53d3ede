#include "backends/onnxruntime/ort_devices.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <fstream>

namespace ocelli::onnxruntime {
namespace {

const char* provider_name(Provider provider) {
  switch (provider) {
    case Provider::kCuda:
      return "CUDAExecutionProvider";
    case Provider::kTensorrt:
      return "TensorrtExecutionProvider";
    default:
      return "CPUExecutionProvider";
  }
}

// The part of the CUDA driver interface (cuda.h, libcuda.so.1) that counts and names cards.
struct CudaDriver {
  int (*init)(unsigned) = nullptr;
  int (*count)(int*) = nullptr;
  int (*name)(char*, int, int) = nullptr;
  int (*memory)(std::size_t*, int) = nullptr;

  static std::optional<CudaDriver> open() {
    void* library = ::dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!library) return std::nullopt;
    CudaDriver driver;
    driver.init = reinterpret_cast<decltype(driver.init)>(::dlsym(library, "cuInit"));
    driver.count = reinterpret_cast<decltype(driver.count)>(::dlsym(library, "cuDeviceGetCount"));
    driver.name = reinterpret_cast<decltype(driver.name)>(::dlsym(library, "cuDeviceGetName"));
    driver.memory = reinterpret_cast<decltype(driver.memory)>(::dlsym(library, "cuDeviceTotalMem_v2"));
    if (!driver.init || !driver.count || !driver.name || !driver.memory || driver.init(0) != 0) return std::nullopt;
    return driver;
  }
};

DeviceInfo nvidia_device(const OrtLibrary& library, const NvidiaCard& card, std::size_t index, Provider provider) {
  const bool is_cuda = provider == Provider::kCuda;
  DeviceInfo info;
  info.name = fmt::format("{}.{}", is_cuda ? "CUDA" : "TENSORRT", index);
  info.full_name = card.name;
  info.kind = "gpu";
  info.memory_bytes = card.memory_bytes;
  info.precisions =
      is_cuda ? std::vector<std::string>{"FP32", "FP16"} : std::vector<std::string>{"FP32", "FP16", "INT8"};
  info.usable = has_provider(library, provider);
  if (!info.usable) {
    info.reason = fmt::format("ONNX Runtime {} in {} has no {}; install the wheel onnxruntime-gpu", library.version,
                              library.folder.string(), provider_name(provider));
  }
  return info;
}

}  // namespace

Result<Device> parse_device(const std::string& name) {
  const auto dot = name.find('.');
  const std::string head = name.substr(0, dot);
  Device device{name, {}, 0, false};
  if (dot != std::string::npos) {
    const char* begin = name.data() + dot + 1;
    const char* end = name.data() + name.size();
    if (const auto [stop, error] = std::from_chars(begin, end, device.index); error != std::errc() || stop != end) {
      return failed_precondition(
          fmt::format("Cannot compile model into target device {}: its number is not a number", name));
    }
  }
  if (head == "CPU" && dot == std::string::npos) {
    device.providers = {};
  } else if (head == "CUDA") {
    device.providers = {Provider::kCuda};
  } else if (head == "TENSORRT") {
    device.providers = {Provider::kTensorrt, Provider::kCuda};
  } else if (head == "NVIDIA") {
    device.providers = {Provider::kTensorrt, Provider::kCuda};
    device.any_provider = true;
  } else {
    return failed_precondition(fmt::format(
        "Cannot compile model into target device {}: ONNX Runtime has CPU, CUDA.n, TENSORRT.n and NVIDIA.n", name));
  }
  return device;
}

std::vector<NvidiaCard> nvidia_cards() {
  std::vector<NvidiaCard> cards;
  const auto driver = CudaDriver::open();
  int count = 0;
  if (!driver || driver->count(&count) != 0) return cards;
  for (int i = 0; i < count; ++i) {
    std::array<char, 256> name{};
    std::size_t memory = 0;
    if (driver->name(name.data(), static_cast<int>(name.size()) - 1, i) != 0 || driver->memory(&memory, i) != 0)
      continue;
    cards.push_back({name.data(), memory});
  }
  return cards;
}

bool has_provider(const OrtLibrary& library, Provider provider) {
  char** names = nullptr;
  int count = 0;
  if (!take(*library.api, library.api->GetAvailableProviders(&names, &count), StatusCode::kInternal).ok()) return false;
  bool found = false;
  for (int i = 0; i < count; ++i) found = found || std::string_view(names[i]) == provider_name(provider);
  (void)take(*library.api, library.api->ReleaseAvailableProviders(names, count), StatusCode::kInternal);
  return found;
}

std::vector<DeviceInfo> list_devices(const OrtLibrary& library) {
  DeviceInfo cpu;
  cpu.name = "CPU";
  cpu.full_name = cpu_name();
  cpu.kind = "cpu";
  cpu.precisions = {"FP32", "INT8"};
  std::vector<DeviceInfo> result{std::move(cpu)};
  const auto cards = nvidia_cards();
  for (std::size_t i = 0; i < cards.size(); ++i) {
    result.push_back(nvidia_device(library, cards[i], i, Provider::kTensorrt));
    result.push_back(nvidia_device(library, cards[i], i, Provider::kCuda));
  }
  return result;
}

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(": ");
    if (colon != std::string::npos && (line.starts_with("model name") || line.starts_with("Model")))
      return line.substr(colon + 2);
  }
  return "CPU";
}

}  // namespace ocelli::onnxruntime
