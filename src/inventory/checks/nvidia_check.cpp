#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <vector>

#include "inventory/checks/checks.hpp"
#include "inventory/checks/nvidia_cards.hpp"
#include "inventory/checks/nvidia_driver.hpp"
#include "inventory/checks/nvidia_libraries.hpp"
#include "inventory/checks/nvidia_nodes.hpp"
#include "inventory/checks/nvidia_setup.hpp"
#include "inventory/remedy.hpp"
#include "inventory/text_parts.hpp"

namespace ocelli::inventory {
namespace {

constexpr std::uint32_t kUsualCuda = 13;  // of the wheel onnxruntime-gpu that the setup installs

// Version of the driver's user part: libcuda.so.1 leads to libcuda.so.580.65.06.
std::string library_driver_version(const MachineFiles& files, const FoundLibrary& library) {
  const std::string name = std::filesystem::path(files.real_path(library.path)).filename();
  constexpr std::string_view kPrefix = "libcuda.so.";
  return name.starts_with(kPrefix) && contains(name.substr(kPrefix.size()), ".") ? name.substr(kPrefix.size()) : "";
}

void check_driver_library(const Machine& machine, const NvidiaLibraries& libraries,
                          const std::vector<NvidiaCard>& cards, const std::string& kernel, Section& section) {
  const auto found = libraries.search.find("libcuda.so.1");
  if (!found.is_loadable()) {
    const auto in_container = container_with(
        is_jetson(machine) ? "--runtime nvidia" : "--gpus all -e NVIDIA_DRIVER_CAPABILITIES=compute,utility");
    section.problem("libcuda",
                    found.path.empty() ? "the driver's library libcuda.so.1 is nowhere"
                                       : fmt::format("{} {}", found.path, found.problem),
                    machine.either(in_container, machine.is_wsl ? reach_windows_gpu(machine)
                                                                : install_nvidia_driver(machine, cards)));
    return;
  }
  const auto version = library_driver_version(machine.files, found);
  if (!version.empty() && !kernel.empty() && version != kernel) {
    section.problem(
        "libcuda", fmt::format("{} is of driver {}, but the kernel runs {}", found.path, version, kernel),
        machine.either(on_host("docker restart CONTAINER   # it gets the host's library then"), "sudo reboot"));
  } else {
    section.ok("libcuda", found.path);
  }
}

void report_absent(const Machine& machine, Section& section) {
  if (machine.is_wsl) {
    section.absent("device",
                   "not present: under WSL2 NVIDIA's GPU is reached by /dev/dxg and "
                   "/usr/lib/wsl/lib/libcuda.so.1, which is not there",
                   reach_windows_gpu(machine));
    return;
  }
  section.absent("device", "not present: no NVIDIA GPU on the PCI bus, no driver",
                 machine.either(container_with("--gpus all"), ""));
}

}  // namespace

void check_nvidia(const Machine& machine, Findings& findings) {
  Section section(Area::kNvidia, findings);
  const auto cards = nvidia_cards(machine);
  if (cards.empty()) return report_absent(machine, section);
  const auto nodes = nvidia_card_nodes(machine.files).size();
  std::vector<std::string> names;
  for (const auto& card : cards) names.push_back(card.name);
  section.devices(fmt::format("{}", fmt::join(names, ", ")), nvidia_card_count(cards, nodes));
  const auto libraries = nvidia_libraries(machine);
  const auto cuda = libraries.cuda_major() != 0 ? libraries.cuda_major() : kUsualCuda;
  check_capability(machine, cards, cuda, section);
  const auto version = nvidia_driver_version(machine.files);
  check_nvidia_driver(machine, cards, version, cuda, section);
  if (is_jetson(machine)) {
    check_jetson_nodes(machine, section);
  } else if (!version.empty()) {
    check_nvidia_nodes(machine, section);
  }
  check_driver_library(machine, libraries, cards, version, section);
  check_cuda_libraries(machine, libraries, section);
  check_container_toolkit(machine, section);
  check_cuda_environment(machine, cards, nodes, section);
}

}  // namespace ocelli::inventory
