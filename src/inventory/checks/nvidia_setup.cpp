#include "inventory/checks/nvidia_setup.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>

#include "inventory/remedy.hpp"
#include "inventory/size_text.hpp"
#include "inventory/text_parts.hpp"

namespace ocelli::inventory {
namespace {

constexpr const char* kInstallCuda =
    "tools/setup/setup cuda   # installs the wheel onnxruntime-gpu and NVIDIA's libraries";
constexpr const char* kInstallTensorrt = "tools/setup/setup cuda tensorrt";
// The wheels of the setup are for cards; NVIDIA builds ONNX Runtime for each JetPack.
constexpr const char* kUseJetsonBuild =
    "export ONNXRUNTIME_ROOT=/opt/onnxruntime   # the folder of an ONNX Runtime built for this JetPack, with "
    "lib/libonnxruntime.so; its CUDA: sudo apt-get install -y nvidia-jetpack";
constexpr const char* kNotForJetson = "; the wheels of tools/setup/setup cuda are not for Jetson";
// NVIDIA's default on desktops and servers. JIT-compiled kernels beyond it are compiled again at every start.
constexpr std::uint64_t kUsualJitCache = kGiB;
constexpr const char* kLargestJitCache = "export CUDA_CACHE_MAXSIZE=2147483647";

// What is wrong with a provider and all that it needs: the first thing that is missing. Empty: nothing.
std::string provider_fault(const LibrarySearch& search, const ProviderLibrary& provider, std::string_view name) {
  if (provider.path.empty()) return fmt::format("this ONNX Runtime has no {} provider", name);
  if (!provider.problem.empty()) return provider.problem;
  for (const auto& library : provider.needed) {
    const auto where = search.find(library);
    if (where.is_loadable()) continue;
    return where.path.empty()
               ? fmt::format("the {} provider needs {}, which is nowhere", name, library)
               : fmt::format("the {} provider needs {}, but {} {}", name, library, where.path, where.problem);
  }
  return "";
}

std::string with_libraries(const ProviderLibrary& provider, std::string_view name) {
  return fmt::format("{} provider with {}", name,
                     provider.needed.empty() ? "nothing else" : fmt::format("{}", fmt::join(provider.needed, ", ")));
}

bool is_any_there(const MachineFiles& files, std::initializer_list<const char*> paths) {
  return std::ranges::any_of(paths, [&](const char* path) { return files.exists(path); });
}

void check_jit_cache(const Machine& machine, Section& section) {
  if (machine.process.variable("CUDA_CACHE_DISABLE").value_or("0") == "1") {
    section.warning("jit_cache", "CUDA_CACHE_DISABLE is 1: kernels are compiled again at every start, for minutes",
                    "unset CUDA_CACHE_DISABLE");
    return;
  }
  const auto value = machine.process.variable("CUDA_CACHE_MAXSIZE");
  const auto bytes = value ? number(*value) : kUsualJitCache;
  if (!bytes) {
    section.warning("jit_cache", fmt::format("CUDA_CACHE_MAXSIZE is \"{}\", which is no number of bytes", *value),
                    kLargestJitCache);
  } else if (*bytes < kUsualJitCache) {
    section.warning("jit_cache",
                    fmt::format("CUDA_CACHE_MAXSIZE is {}: kernels that do not fit are compiled again at every start",
                                size_text(*bytes)),
                    kLargestJitCache);
  } else {
    section.ok("jit_cache", value ? fmt::format("CUDA_CACHE_MAXSIZE is {}", size_text(*bytes))
                                  : "CUDA_CACHE_MAXSIZE is not set: the driver's default, 1 GiB, holds");
  }
}

}  // namespace

void check_cuda_libraries(const Machine& machine, const NvidiaLibraries& libraries, Section& section) {
  const bool is_board = is_jetson(machine);
  const char* not_for_jetson = is_board ? kNotForJetson : "";
  if (const auto fault = provider_fault(libraries.search, libraries.cuda, "CUDA"); !fault.empty()) {
    section.problem("cuda", fault + not_for_jetson, is_board ? kUseJetsonBuild : kInstallCuda);
  } else {
    section.ok("cuda", with_libraries(libraries.cuda, "CUDA"));
  }
  // A warning: NVIDIA takes CUDA then. --for TENSORRT makes it a problem.
  if (const auto fault = provider_fault(libraries.search, libraries.tensorrt, "TensorRT"); !fault.empty()) {
    section.warning("tensorrt", fault + ": the device NVIDIA uses CUDA alone, TENSORRT fails" + not_for_jetson,
                    is_board ? kUseJetsonBuild : kInstallTensorrt);
  } else {
    section.ok("tensorrt", with_libraries(libraries.tensorrt, "TensorRT"));
  }
}

void check_container_toolkit(const Machine& machine, Section& section) {
  if (machine.is_container || machine.is_wsl) return;
  const auto& files = machine.files;
  if (!is_any_there(files, {"/usr/bin/docker", "/usr/bin/podman", "/usr/local/bin/docker"})) {
    section.absent("container_toolkit", "neither Docker nor Podman is installed: no container toolkit is needed");
    return;
  }
  constexpr const char* kConfigure =
      "sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker";
  if (!is_any_there(files, {"/usr/bin/nvidia-ctk", "/usr/bin/nvidia-container-runtime", "/usr/bin/nvidia-container-cli",
                            "/usr/local/bin/nvidia-ctk"})) {
    section.warning("container_toolkit", "the NVIDIA Container Toolkit is not installed: containers get no GPU",
                    fmt::format("sudo apt-get install -y nvidia-container-toolkit && {}   # of the repository "
                                "https://nvidia.github.io/libnvidia-container",
                                kConfigure));
    return;
  }
  const bool is_known = contains(files.text("/etc/docker/daemon.json", 65536).value_or(""), "nvidia") ||
                        is_any_there(files, {"/etc/cdi/nvidia.yaml", "/var/run/cdi/nvidia.yaml"});
  if (is_known) {
    section.ok("container_toolkit", "installed and known to the container engine");
  } else {
    section.warning("container_toolkit", "installed, but the container engine is not told", kConfigure);
  }
}

void check_cuda_environment(const Machine& machine, const std::vector<NvidiaCard>& cards, std::size_t nodes,
                            Section& section) {
  check_visible_devices(machine, cards, nodes, section);
  check_jit_cache(machine, section);
  const auto capabilities = machine.process.variable("NVIDIA_DRIVER_CAPABILITIES");
  if (machine.is_container && capabilities && *capabilities != "all" && !contains(*capabilities, "compute")) {
    section.problem("capabilities",
                    fmt::format("NVIDIA_DRIVER_CAPABILITIES is \"{}\": the container gets no CUDA", *capabilities),
                    container_with("-e NVIDIA_DRIVER_CAPABILITIES=compute,utility"));
  }
}

}  // namespace ocelli::inventory
