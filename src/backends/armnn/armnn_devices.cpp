#include "backends/armnn/armnn_devices.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <armnn/Version.hpp>
#include <cstdint>

#include "base/letter_case.hpp"
#include "runtime/host_processor.hpp"

namespace ocelli::arm_nn {
namespace {

constexpr std::string_view kPrefix = "ARMNN.";

// As ARM Compute Library looks for its driver.
constexpr std::array<const char*, 3> kOpenclLibraries{"libOpenCL.so", "libGLES_mali.so", "libmali.so"};

// "libarmnn-cpuref-backend22" on Debian.
std::string package_of(std::string_view backend) {
  return fmt::format("libarmnn-{}-backend{}", lower(backend), ARMNN_MAJOR_VERSION);
}

bool can_exist_here(std::string_view backend) {
#if defined(__aarch64__) || defined(__arm__)
  (void)backend;
  return true;
#else
  return backend == "CpuRef";
#endif
}

std::string why_not(std::string_view backend, const BackendNames& registered) {
  if (registered.contains(std::string(backend))) {
    return fmt::format(
        "ARM NN's backend {} is installed, but no OpenCL driver with a GPU was found ({}; a Mali GPU has "
        "/dev/mali0)",
        backend, fmt::join(kOpenclLibraries, ", "));
  }
  if (!can_exist_here(backend)) {
    return fmt::format("ARM NN's backend {} is not registered in this library: it exists for ARM processors only",
                       backend);
  }
  return fmt::format("ARM NN's backend {} is not registered in this library: its module is not installed", backend);
}

std::string remedy_of(std::string_view backend, const BackendNames& registered) {
  const bool can_install = can_exist_here(backend) && !registered.contains(std::string(backend));
  return can_install ? "sudo apt-get install -y " + package_of(backend) : "";
}

Status not_usable(const std::string& device, std::string_view backend, const BackendNames& registered) {
  const std::string remedy = remedy_of(backend, registered);
  return failed_precondition(fmt::format("Cannot compile model into target device {}: {}{}{}", device,
                                         why_not(backend, registered), remedy.empty() ? "" : "; remedy: ", remedy));
}

// The part of OpenCL's interface (cl.h) that counts GPUs.
bool has_opencl_gpu() {
  using Platform = void*;
  using GetPlatforms = std::int32_t (*)(std::uint32_t, Platform*, std::uint32_t*);
  using GetDevices = std::int32_t (*)(Platform, std::uint64_t, std::uint32_t, void**, std::uint32_t*);
  constexpr std::uint64_t kGpu = 1U << 2U;  // CL_DEVICE_TYPE_GPU
  for (const char* name : kOpenclLibraries) {
    void* library = ::dlopen(name, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
    if (!library) continue;
    const auto get_platforms = reinterpret_cast<GetPlatforms>(::dlsym(library, "clGetPlatformIDs"));
    const auto get_devices = reinterpret_cast<GetDevices>(::dlsym(library, "clGetDeviceIDs"));
    if (!get_platforms || !get_devices) continue;
    std::array<Platform, 8> platforms{};
    std::uint32_t count = 0;
    if (get_platforms(platforms.size(), platforms.data(), &count) != 0) continue;
    for (std::uint32_t i = 0; i < std::min<std::uint32_t>(count, platforms.size()); ++i) {
      std::uint32_t gpus = 0;
      if (get_devices(platforms[i], kGpu, 0, nullptr, &gpus) == 0 && gpus > 0) return true;
    }
  }
  return false;
}

}  // namespace

BackendNames usable_backends(const BackendNames& registered) {
  BackendNames usable = registered;
  if (usable.contains("GpuAcc") && !has_opencl_gpu()) usable.erase("GpuAcc");
  return usable;
}

Result<std::string> choose_backend(const std::string& device, const BackendNames& usable,
                                   const BackendNames& registered) {
  std::string_view name = device;
  if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
  if (name == "MALI") name = "GpuAcc";
  if (name.empty() || name == "ARMNN") {
    for (const auto backend : kBackends) {
      if (usable.contains(std::string(backend))) return std::string(backend);
    }
    return not_usable(device.empty() ? "ARMNN" : device, "CpuRef", registered);
  }
  if (std::find(kBackends.begin(), kBackends.end(), name) == kBackends.end()) {
    return failed_precondition(
        fmt::format("Cannot compile model into target device {}: ARM NN has ARMNN.CpuRef, ARMNN.CpuAcc and "
                    "ARMNN.GpuAcc (MALI)",
                    device));
  }
  if (!usable.contains(std::string(name))) return not_usable(device, name, registered);
  return std::string(name);
}

std::vector<DeviceInfo> list_devices(const BackendNames& usable, const BackendNames& registered) {
  std::vector<DeviceInfo> devices;
  for (const auto backend : kBackends) {
    DeviceInfo info;
    info.name = fmt::format("{}{}", kPrefix, backend);
    info.kind = backend == "GpuAcc" ? "gpu" : "cpu";
    info.precisions = {"FP32", "FP16", "INT8"};
    info.usable = usable.contains(std::string(backend));
    if (info.usable) {
      info.full_name = hardware_name(backend);
    } else {
      info.reason = why_not(backend, registered);
      info.remedy = remedy_of(backend, registered);
    }
    devices.push_back(std::move(info));
  }
  return devices;
}

std::string hardware_name(std::string_view backend) {
  return backend == "GpuAcc" ? "Mali GPU (OpenCL)" : host_processor_name();
}

}  // namespace ocelli::arm_nn
