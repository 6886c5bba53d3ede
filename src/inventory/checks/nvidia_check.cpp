#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "inventory/checks/checks.hpp"
#include "inventory/checks/nvidia_libraries.hpp"
#include "inventory/checks/nvidia_setup.hpp"
#include "inventory/text_parts.hpp"

namespace ocelli::inventory {
namespace {

// Oldest Linux driver for each major version of CUDA, from NVIDIA's table of minor version compatibility.
struct DriverNeed {
  std::uint32_t cuda;
  std::uint64_t driver;
};
constexpr std::array kDriverNeeds{DriverNeed{13, 580}, DriverNeed{12, 525}, DriverNeed{11, 450}, DriverNeed{10, 410}};
constexpr std::uint32_t kUsualCuda = 13;  // of the wheel onnxruntime-gpu that the setup installs

// NVIDIA's own repository has every current driver; a distribution's package may be older than what CUDA needs.
std::string install_driver(const Machine& machine) {
  std::string name;
  std::string version;
  const auto release = machine.files.text("/etc/os-release", 65536).value_or("");
  for (const auto line : split(release, '\n')) {
    if (line.starts_with("ID=")) name = line.substr(3);
    if (line.starts_with("VERSION_ID=")) version = line.substr(11);
  }
  for (const char mark : {'"', '.'}) version.erase(std::remove(version.begin(), version.end(), mark), version.end());
  const std::string place = machine.either("on the host: ", "");
  if ((name != "debian" && name != "ubuntu") || !number(version))
    return place + "install the current driver from https://www.nvidia.com/drivers and reboot";
  return fmt::format(
      "{}wget https://developer.download.nvidia.com/compute/cuda/repos/{}{}/{}/cuda-keyring_1.1-1_all.deb && sudo dpkg "
      "-i "
      "cuda-keyring_1.1-1_all.deb && sudo apt-get update && sudo apt-get install -y cuda-drivers && sudo reboot",
      place, name, version, machine.process.architecture == "aarch64" ? "sbsa" : "x86_64");
}

std::uint64_t needed_driver(std::uint32_t cuda) {
  for (const auto& need : kDriverNeeds) {
    if (need.cuda == cuda) return need.driver;
  }
  return cuda > kDriverNeeds.front().cuda ? kDriverNeeds.front().driver : 0;
}

// "580.65.06" out of "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build ...".
std::string kernel_driver_version(const MachineFiles& files) {
  const auto line = files.line("/proc/driver/nvidia/version");
  for (const auto word : words(line)) {
    const auto parts = split(word, '.');
    const bool all_numbers =
        std::all_of(parts.begin(), parts.end(), [](auto part) { return number(part).has_value(); });
    if (parts.size() >= 2 && all_numbers) return std::string(word);
  }
  return "";
}

// Version of the driver's user part: libcuda.so.1 leads to libcuda.so.580.65.06.
std::string library_driver_version(const MachineFiles& files, const FoundLibrary& library) {
  const std::string name = std::filesystem::path(files.real_path(library.path)).filename();
  constexpr std::string_view kPrefix = "libcuda.so.";
  return name.starts_with(kPrefix) && contains(name.substr(kPrefix.size()), ".") ? name.substr(kPrefix.size()) : "";
}

void check_driver(const Machine& machine, const NvidiaLibraries& libraries, const std::string& version,
                  Section& section) {
  const auto cuda = libraries.cuda_major() != 0 ? libraries.cuda_major() : kUsualCuda;
  const auto needed = needed_driver(cuda);
  const auto major = number(split(version, '.').front()).value_or(0);
  if (major < needed) {
    section.problem(
        "driver", fmt::format("driver {} is too old: ONNX Runtime's CUDA {} needs {} or newer", version, cuda, needed),
        install_driver(machine) + "   (then: cat /proc/driver/nvidia/version)");
  } else {
    section.ok("driver", fmt::format("driver {} (CUDA {} needs {} or newer)", version, cuda, needed));
  }
}

void check_driver_library(const Machine& machine, const NvidiaLibraries& libraries, const std::string& kernel,
                          Section& section) {
  const auto found = libraries.search.find("libcuda.so.1");
  const std::string install = machine.either(
      "start the container with: --gpus all -e NVIDIA_DRIVER_CAPABILITIES=compute,utility", install_driver(machine));
  if (!found.is_loadable()) {
    section.problem("libcuda",
                    found.path.empty() ? "the driver's library libcuda.so.1 is nowhere"
                                       : fmt::format("{} {}", found.path, found.problem),
                    install);
    return;
  }
  const auto version = library_driver_version(machine.files, found);
  if (!version.empty() && !kernel.empty() && version != kernel) {
    section.problem("libcuda", fmt::format("{} is of driver {}, but the kernel runs {}", found.path, version, kernel),
                    machine.either("restart the container, so that it gets the host's library", "sudo reboot"));
  } else {
    section.ok("libcuda", found.path);
  }
}

std::vector<std::string> card_nodes(const MachineFiles& files) {
  std::vector<std::string> nodes;
  for (const auto& name : files.names("/dev")) {
    if (name.starts_with("nvidia") && name.size() > 6 && number(name.substr(6))) nodes.push_back("/dev/" + name);
  }
  return nodes;
}

void check_nodes(const Machine& machine, Section& section) {
  const auto cards = card_nodes(machine.files);
  std::vector<std::string> missing;
  if (cards.empty()) missing.emplace_back("/dev/nvidia0");
  for (const std::string path : {"/dev/nvidiactl", "/dev/nvidia-uvm"}) {
    if (!machine.files.is_device(path)) missing.push_back(path);
  }
  if (!missing.empty()) {
    section.problem(
        "nodes", fmt::format("no {}", fmt::join(missing, ", ")),
        machine.either("start the container with: --gpus all   (Compose: the cuda service of hwaccel.ml.yml)",
                       "sudo nvidia-modprobe -c 0 -u   (or: nvidia-smi, as root)"));
    return;
  }
  std::vector<std::string> all = cards;
  all.insert(all.end(), {"/dev/nvidiactl", "/dev/nvidia-uvm"});
  for (const auto& path : all) {
    const auto access = access_to_node(machine, path, "video", "nvidia");
    if (access.is_granted) continue;
    section.problem("nodes", access.found, access.remedy);
    return;
  }
  section.ok("nodes", fmt::format("{}", fmt::join(all, ", ")));
}

// "NVIDIA H100 PCIe" of a line "Model:  NVIDIA H100 PCIe".
std::string card_model(const std::optional<std::string>& information) {
  constexpr std::string_view kLabel = "Model:";
  const std::string_view text = information ? *information : std::string_view();
  const auto at = text.find(kLabel);
  if (at == std::string_view::npos) return "an NVIDIA GPU";
  const auto rest = text.substr(at + kLabel.size());
  return fmt::format("{}", fmt::join(words(rest.substr(0, rest.find('\n'))), " "));
}

// What there is of NVIDIA: empty when nothing is.
std::string describe_cards(const Machine& machine) {
  std::vector<std::string> cards;
  for (const auto& slot : machine.files.names("/proc/driver/nvidia/gpus")) {
    cards.push_back(card_model(machine.files.text(fmt::format("/proc/driver/nvidia/gpus/{}/information", slot), 4096)));
  }
  if (cards.empty()) {
    for (const auto& device : machine.pci) {
      if (device.vendor == kPciNvidia && device.is_display())
        cards.push_back(fmt::format("{} ({})", device.slot, device.ids()));
    }
  }
  if (cards.empty() && machine.files.exists("/etc/nv_tegra_release")) cards.emplace_back("Jetson");
  if (cards.empty() && machine.files.exists("/usr/lib/wsl/lib/libcuda.so.1")) cards.emplace_back("a GPU of Windows");
  if (cards.empty() && machine.files.exists("/dev/nvidiactl")) cards.emplace_back("/dev/nvidiactl");
  return fmt::format("{}", fmt::join(cards, ", "));
}

void check_missing_driver(const Machine& machine, Section& section) {
  const bool is_nouveau = std::any_of(machine.pci.begin(), machine.pci.end(), [](const PciDevice& device) {
    return device.vendor == kPciNvidia && device.driver == "nouveau";
  });
  section.problem("driver",
                  is_nouveau ? "the open driver nouveau has the GPU, which CUDA cannot use"
                             : "NVIDIA's kernel driver is not loaded",
                  install_driver(machine) + (is_nouveau ? "   (it puts nouveau aside)" : ""));
}

}  // namespace

void check_nvidia(const Machine& machine, Findings& findings) {
  Section section(Area::kNvidia, findings);
  const auto cards = describe_cards(machine);
  if (cards.empty()) {
    section.absent("device", "not present: no NVIDIA GPU on the PCI bus, no driver", "lspci -nn | grep -i nvidia");
    return;
  }
  section.ok("device", cards);
  const auto libraries = nvidia_libraries(machine);
  const auto version = kernel_driver_version(machine.files);
  const bool is_jetson = machine.files.exists("/etc/nv_tegra_release");
  if (!version.empty()) {
    check_driver(machine, libraries, version, section);
    if (!is_jetson) check_nodes(machine, section);
  } else if (!machine.is_wsl && !is_jetson) {  // there the driver is Windows' or the board's
    check_missing_driver(machine, section);
  }
  check_driver_library(machine, libraries, version, section);
  check_cuda_libraries(libraries, section);
  check_container_toolkit(machine, section);
  check_cuda_environment(machine, card_nodes(machine.files).size(), section);
}

}  // namespace ocelli::inventory
