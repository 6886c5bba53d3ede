#include "inventory/checks/nvidia_setup.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "inventory/size_text.hpp"
#include "inventory/text_parts.hpp"

namespace ocelli::inventory {
namespace {

constexpr const char* kInstallCuda =
    "tools/setup/setup cuda   (installs the wheel onnxruntime-gpu and NVIDIA's libraries)";
constexpr const char* kInstallTensorrt = "tools/setup/setup cuda tensorrt   (without TensorRT, CUDA is used)";
// NVIDIA's default on desktops and servers. JIT-compiled kernels beyond it are compiled again at every start.
constexpr std::uint64_t kUsualJitCache = kGiB;
constexpr const char* kLargestJitCache = "export CUDA_CACHE_MAXSIZE=2147483647";

// A provider and all that it needs: one line, the first thing that is missing.
void check_provider(const LibrarySearch& search, const ProviderLibrary& provider, const std::string& check,
                    std::string_view name, Verdict failure, const char* remedy, Section& section) {
  if (provider.path.empty()) {
    section.add(check, failure, fmt::format("this ONNX Runtime has no {} provider", name), remedy);
    return;
  }
  if (!provider.problem.empty()) {
    section.add(check, failure, provider.problem, remedy);
    return;
  }
  std::string found;
  for (const auto& library : provider.needed) {
    const auto where = search.find(library);
    if (!where.is_loadable()) {
      section.add(check, failure,
                  where.path.empty()
                      ? fmt::format("the {} provider needs {}, which is nowhere", name, library)
                      : fmt::format("the {} provider needs {}, but {} {}", name, library, where.path, where.problem),
                  remedy);
      return;
    }
    found += (found.empty() ? "" : ", ") + library;
  }
  section.ok(check, fmt::format("{} provider with {}", name, found.empty() ? "nothing else" : found));
}

bool is_any_there(const MachineFiles& files, std::initializer_list<const char*> paths) {
  return std::ranges::any_of(paths, [&](const char* path) { return files.exists(path); });
}

void check_visible_devices(const Machine& machine, std::size_t cards, Section& section) {
  const auto value = machine.process.variable("CUDA_VISIBLE_DEVICES");
  if (!value) {
    section.ok("visible_devices", "CUDA_VISIBLE_DEVICES is not set: every GPU is visible");
    return;
  }
  constexpr const char* kUnset = "unset CUDA_VISIBLE_DEVICES";
  if (value->empty() || *value == "-1" || *value == "NoDevFiles") {
    section.problem("visible_devices", fmt::format("CUDA_VISIBLE_DEVICES is \"{}\", which hides every GPU", *value),
                    kUnset);
    return;
  }
  for (const auto part : split(*value, ',')) {
    const auto index = number(part);
    if (!index || cards == 0 || *index < cards) continue;
    section.problem(
        "visible_devices",
        fmt::format("CUDA_VISIBLE_DEVICES names GPU {}, this machine has {}; that one and all behind it are "
                    "hidden",
                    *index, cards),
        kUnset);
    return;
  }
  section.ok("visible_devices", fmt::format("CUDA_VISIBLE_DEVICES is \"{}\"", *value));
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

void check_cuda_libraries(const NvidiaLibraries& libraries, Section& section) {
  check_provider(libraries.search, libraries.cuda, "cuda", "CUDA", Verdict::kProblem, kInstallCuda, section);
  check_provider(libraries.search, libraries.tensorrt, "tensorrt", "TensorRT", Verdict::kWarning, kInstallTensorrt,
                 section);
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
                    fmt::format("sudo apt-get install -y nvidia-container-toolkit && {}   (repository: "
                                "https://nvidia.github.io/libnvidia-container)",
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

void check_cuda_environment(const Machine& machine, std::size_t cards, Section& section) {
  check_visible_devices(machine, cards, section);
  check_jit_cache(machine, section);
  const auto capabilities = machine.process.variable("NVIDIA_DRIVER_CAPABILITIES");
  if (machine.is_container && capabilities && *capabilities != "all" && !contains(*capabilities, "compute")) {
    section.problem("capabilities",
                    fmt::format("NVIDIA_DRIVER_CAPABILITIES is \"{}\": the container gets no CUDA", *capabilities),
                    "start the container with: -e NVIDIA_DRIVER_CAPABILITIES=compute,utility");
  }
}

}  // namespace ocelli::inventory
