#include "inventory/checks/nvidia_driver.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "inventory/remedy.hpp"
#include "inventory/text_parts.hpp"

namespace ocelli::inventory {
namespace {

// Oldest Linux driver for each major version of CUDA, from NVIDIA's table of minor version compatibility.
struct DriverNeed {
  std::uint32_t cuda;
  std::uint64_t driver;
};
constexpr std::array kDriverNeeds{DriverNeed{13, 580}, DriverNeed{12, 525}, DriverNeed{11, 450}, DriverNeed{10, 410}};

std::uint64_t needed_driver(std::uint32_t cuda) {
  for (const auto& need : kDriverNeeds) {
    if (need.cuda == cuda) return need.driver;
  }
  return cuda > kDriverNeeds.front().cuda ? kDriverNeeds.front().driver : 0;
}

// NVIDIA's name of the distribution whose packages fit: "debian12", "ubuntu2404". Empty: it has no Debian packages.
std::string package_folder(const Machine& machine) {
  std::string name;
  std::string version;
  const auto release = machine.files.text("/etc/os-release", 65536).value_or("");
  std::string_view ubuntu;
  for (const auto line : split(release, '\n')) {
    if (line.starts_with("ID=")) name = line.substr(3);
    if (line.starts_with("VERSION_ID=")) version = line.substr(11);
    if (line.starts_with("UBUNTU_CODENAME=")) ubuntu = line.substr(16);
  }
  for (const char mark : {'"', '.'}) version.erase(std::remove(version.begin(), version.end(), mark), version.end());
  if ((name == "debian" || name == "ubuntu") && number(version)) return name + version;
  // Ubuntu's descendants, such as Linux Mint, have versions of their own.
  struct Codename {
    std::string_view name;
    const char* folder;
  };
  constexpr std::array kUbuntus{Codename{"focal", "ubuntu2004"}, Codename{"jammy", "ubuntu2204"},
                                Codename{"noble", "ubuntu2404"}};
  for (const auto& known : kUbuntus) {
    if (ubuntu == known.name) return known.folder;
  }
  return "";
}

}  // namespace

std::string nvidia_driver_version(const MachineFiles& files) {
  // "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build ..."
  const auto line = files.line("/proc/driver/nvidia/version");
  for (const auto word : words(line)) {
    const auto parts = split(word, '.');
    const bool all_numbers =
        std::all_of(parts.begin(), parts.end(), [](auto part) { return number(part).has_value(); });
    if (parts.size() >= 2 && all_numbers) return std::string(word);
  }
  return "";
}

std::string install_nvidia_driver(const Machine& machine, const std::vector<NvidiaCard>& cards) {
  const auto here = [&](std::string command) {
    return machine.is_container ? on_host(std::move(command)) : std::move(command);
  };
  if (is_jetson(machine)) {
    return here(
        "sudo apt-get update && sudo apt-get install -y nvidia-jetpack && sudo reboot   # a newer major release of "
        "JetPack is flashed with NVIDIA's SDK Manager");
  }
  const bool is_arm = machine.process.architecture == "aarch64";
  const auto folder = package_folder(machine);
  if (folder.empty()) {
    const char* place = is_arm ? "aarch64" : "Linux-x86_64";
    return here(
        fmt::format("wget https://us.download.nvidia.com/XFree86/{0}/580.95.05/NVIDIA-{1}-580.95.05.run && "
                    "sudo sh NVIDIA-{1}-580.95.05.run && sudo reboot",
                    place, is_arm ? "Linux-aarch64" : place));
  }
  // NVIDIA's own repository has every current driver; a distribution's package may be older than what CUDA needs. 580
  // is the last branch for cards before Turing.
  return here(fmt::format(
      "wget https://developer.download.nvidia.com/compute/cuda/repos/{}/{}/cuda-keyring_1.1-1_all.deb && sudo dpkg -i "
      "cuda-keyring_1.1-1_all.deb && sudo apt-get update && sudo apt-get install -y {} && sudo reboot",
      folder, is_arm ? "sbsa" : "x86_64", needs_driver_580(cards) ? "cuda-drivers-580" : "cuda-drivers"));
}

void check_nvidia_driver(const Machine& machine, const std::vector<NvidiaCard>& cards, const std::string& version,
                         std::uint32_t cuda, Section& section) {
  const auto install = install_nvidia_driver(machine, cards);
  if (version.empty()) {
    if (machine.is_wsl || is_jetson(machine)) return;  // there the driver is Windows' or the board's
    const bool is_nouveau = std::ranges::any_of(
        machine.pci, [](const PciDevice& device) { return device.vendor == kPciNvidia && device.driver == "nouveau"; });
    section.problem("driver",
                    is_nouveau ? "the open driver nouveau has the GPU, which CUDA cannot use"
                               : "NVIDIA's kernel driver is not loaded",
                    is_nouveau ? with_note(install, "it puts nouveau aside") : install);
    return;
  }
  const auto needed = needed_driver(cuda);
  if (number(split(version, '.').front()).value_or(0) < needed) {
    section.problem("driver",
                    fmt::format("driver {} is too old: ONNX Runtime's CUDA {} needs {} or newer{}", version, cuda,
                                needed, is_jetson(machine) ? ", or an ONNX Runtime built for this JetPack" : ""),
                    with_note(install, "then: cat /proc/driver/nvidia/version"));
  } else {
    section.ok("driver", fmt::format("driver {} (CUDA {} needs {} or newer)", version, cuda, needed));
  }
}

}  // namespace ocelli::inventory
