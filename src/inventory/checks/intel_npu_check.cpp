#include <fmt/format.h>

#include <string>
#include <vector>

#include "inventory/accel_nodes.hpp"
#include "inventory/checks/checks.hpp"
#include "inventory/remedy.hpp"

namespace ocelli::inventory {
namespace {

constexpr const char* kReleases = "https://github.com/intel/linux-npu-driver/releases";

void check_firmware(const Machine& machine, Section& section) {
  for (const std::string folder : {"/lib/firmware/intel/vpu", "/lib/firmware/updates/intel/vpu"}) {
    for (const auto& name : machine.files.names(folder)) {
      if (name.starts_with("vpu_") || name.starts_with("npu_")) {
        section.ok("firmware", fmt::format("{}/{}", folder, name));
        return;
      }
    }
  }
  if (machine.is_container) return;  // the host's kernel has loaded it
  section.warning("firmware", "no firmware in /lib/firmware/intel/vpu",
                  fmt::format("sudo apt-get install -y intel-fw-npu   # package of {}", kReleases));
}

void check_library(const Machine& machine, Section& section) {
  const auto loader = machine.libraries.find("libze_loader.so.1");
  auto driver = machine.libraries.find("libze_intel_npu.so.1");
  if (driver.path.empty()) driver = machine.libraries.find("libze_intel_vpu.so.1");
  if (!loader.is_loadable()) {
    section.problem("library", "the Level Zero loader libze_loader.so.1 is not there",
                    "sudo apt-get install -y level-zero || sudo apt-get install -y libze1");
  } else if (!driver.is_loadable()) {
    section.problem("library",
                    driver.path.empty() ? "the NPU's driver library libze_intel_npu.so.1 is not there"
                                        : fmt::format("{} {}", driver.path, driver.problem),
                    fmt::format("sudo apt-get install -y intel-level-zero-npu   # package of {}", kReleases));
  } else {
    section.ok("library", driver.path);
  }
}

}  // namespace

void check_intel_npu(const Machine& machine, Findings& findings) {
  Section section(Area::kIntelNpu, findings);
  const PciDevice* npu = nullptr;
  for (const auto& device : machine.pci) {
    if (device.vendor == kPciIntel && device.is_accelerator()) npu = &device;
  }
  std::vector<std::string> nodes;
  for (const auto& node : accel_nodes(machine.files)) {
    if (node.may_be_of(kPciIntel)) nodes.push_back(node.path);
  }
  if (!npu && nodes.empty()) {
    section.absent("device", "not present: no Intel accelerator on the PCI bus, none in /dev/accel",
                   machine.either(container_with("--device /dev/accel"), ""));
    return;
  }
  section.ok("device", npu ? fmt::format("{} ({}){}", npu->slot, npu->ids(),
                                         npu->driver.empty() ? "" : " with driver " + npu->driver)
                           : "a node in /dev/accel");
  if (nodes.empty()) {
    section.problem("nodes", "no node /dev/accel/accel*",
                    machine.either(container_with("--device /dev/accel"),
                                   "sudo modprobe intel_vpu   # kernel 6.6 or newer; then: sudo dmesg | grep vpu"));
  }
  for (const auto& node : nodes) {
    const auto access = access_to_node(machine, node, "render", "accel");
    section.add("nodes", access.is_granted ? Verdict::kOk : Verdict::kProblem, access.found, access.remedy);
  }
  check_firmware(machine, section);
  check_library(machine, section);
}

}  // namespace ocelli::inventory
