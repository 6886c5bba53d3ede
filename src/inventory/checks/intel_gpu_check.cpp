#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "inventory/checks/checks.hpp"
#include "inventory/drm_nodes.hpp"
#include "inventory/remedy.hpp"
#include "inventory/text_parts.hpp"

namespace ocelli::inventory {
namespace {

constexpr const char* kInstallRuntime =
    "sudo apt-get install -y intel-opencl-icd ocl-icd-libopencl1   # newer GPUs: packages of "
    "https://github.com/intel/compute-runtime/releases";

constexpr const char* kDriOptions = "--device /dev/dri --group-add $(stat -c %g /dev/dri/render* | head -n 1)";

void check_nodes(const Machine& machine, const std::vector<PciDevice>& cards, Section& section) {
  const auto nodes = drm_render_nodes(machine.files, kPciIntel);
  if (nodes.empty()) {
    const bool has_driver =
        std::any_of(cards.begin(), cards.end(), [](const PciDevice& card) { return !card.driver.empty(); });
    const std::string why = has_driver ? "its driver is loaded" : "no kernel driver (i915, xe) is bound to it";
    section.problem("nodes", fmt::format("no node /dev/dri/renderD* for it; {}", why),
                    machine.either(container_with(kDriOptions),
                                   "sudo modprobe i915 || sudo modprobe xe   # then: sudo dmesg | grep -E 'i915|xe '"));
    return;
  }
  for (const auto& node : nodes) {
    const auto access = access_to_node(machine, node, "render", "drm");
    section.add("nodes", access.is_granted ? Verdict::kOk : Verdict::kProblem, access.found, access.remedy);
  }
}

// The driver that the OpenCL loader would open for an Intel GPU: a line of a file *.icd that names libigdrcl.
std::string opencl_driver(const Machine& machine) {
  for (const auto& name : machine.files.names("/etc/OpenCL/vendors")) {
    auto line = machine.files.line("/etc/OpenCL/vendors/" + name);
    if (name.ends_with(".icd") && contains(line, "libigdrcl")) return line;
  }
  return "";
}

void check_opencl(const Machine& machine, Section& section) {
  const auto driver = opencl_driver(machine);
  if (driver.empty()) {
    section.problem("opencl", "no Intel OpenCL driver in /etc/OpenCL/vendors: OpenVINO does not see the GPU",
                    kInstallRuntime);
    return;
  }
  const auto library = machine.libraries.find(driver);
  if (!library.is_loadable()) {
    section.problem("opencl",
                    library.path.empty() ? fmt::format("/etc/OpenCL/vendors names {}, which is nowhere", driver)
                                         : fmt::format("{} {}", library.path, library.problem),
                    kInstallRuntime);
    return;
  }
  const auto loader = machine.libraries.find("libOpenCL.so.1");
  if (!loader.is_loadable()) {
    section.problem("opencl", "the OpenCL loader libOpenCL.so.1 is not there",
                    "sudo apt-get install -y ocl-icd-libopencl1");
  } else {
    section.ok("opencl", library.path);
  }
}

void check_level_zero(const Machine& machine, Section& section) {
  const auto loader = machine.libraries.find("libze_loader.so.1");
  const auto driver = machine.libraries.find("libze_intel_gpu.so.1");
  if (loader.is_loadable() && driver.is_loadable()) {
    section.ok("level_zero", driver.path);
  } else {
    section.absent("level_zero", "Level Zero is not installed; OpenVINO uses OpenCL");
  }
}

}  // namespace

void check_intel_gpu(const Machine& machine, Findings& findings) {
  Section section(Area::kIntelGpu, findings);
  std::vector<PciDevice> cards;
  for (const auto& device : machine.pci) {
    if (device.vendor == kPciIntel && device.is_display()) cards.push_back(device);
  }
  const bool by_wsl = machine.is_wsl && machine.files.exists("/dev/dxg");
  if (cards.empty() && drm_render_nodes(machine.files, kPciIntel).empty() && !by_wsl) {
    if (machine.is_wsl) {
      section.absent(
          "device",
          "not present: under WSL2 Intel's GPU is reached by /dev/dxg and the libraries in /usr/lib/wsl, and "
          "there is no /dev/dxg",
          reach_windows_gpu(machine));
    } else {
      section.absent("device", "not present: no Intel display controller on the PCI bus, no render node",
                     machine.either(container_with(kDriOptions), ""));
    }
    return;
  }
  if (by_wsl && cards.empty()) {
    // Which GPU stands behind /dev/dxg only its library can tell, so a missing Intel driver is no fault by itself.
    if (opencl_driver(machine).empty()) {
      section.absent("device", "any GPU of Windows is reached by /dev/dxg; Intel's OpenCL driver is not installed",
                     kInstallRuntime);
      return;
    }
    section.ok("device", "by /dev/dxg of Windows");
  } else {
    std::string found;
    for (const auto& card : cards)
      found += fmt::format("{}{} ({}){}", found.empty() ? "" : ", ", card.slot, card.ids(),
                           card.driver.empty() ? "" : " with driver " + card.driver);
    section.devices(found.empty() ? "a render node of an Intel GPU" : found, cards.size());
    check_nodes(machine, cards, section);
  }
  check_opencl(machine, section);
  check_level_zero(machine, section);
}

}  // namespace ocelli::inventory
