#include <fmt/format.h>

#include <string>

#include "inventory/checks/checks.hpp"
#include "inventory/drm_nodes.hpp"
#include "inventory/remedy.hpp"

namespace ocelli::inventory {

void check_amd(const Machine& machine, Findings& findings) {
  Section section(Area::kAmd, findings);
  const PciDevice* card = nullptr;
  for (const auto& device : machine.pci) {
    if (device.vendor == kPciAmd && device.is_display()) card = &device;
  }
  const bool has_kfd = machine.files.is_device("/dev/kfd");
  if (!card && !has_kfd) {
    section.absent("device", "not present: no AMD GPU on the PCI bus, no /dev/kfd",
                   machine.either(container_with("--device /dev/kfd --device /dev/dri"), ""));
    return;
  }
  section.warning("device",
                  fmt::format("{}: no backend runs on AMD GPUs; models run on the CPU or another device",
                              card ? fmt::format("{} ({})", card->slot, card->ids()) : "/dev/kfd"),
                  "ocelli devices   # what models can run on here");
  if (has_kfd) {
    const auto access = access_to_node(machine, "/dev/kfd", "render", "kfd");
    section.add("kfd", access.is_granted ? Verdict::kOk : Verdict::kWarning, access.found, access.remedy);
  } else {
    section.absent("kfd", "no /dev/kfd",
                   machine.either(container_with("--device /dev/kfd --device /dev/dri"), "sudo modprobe amdgpu"));
  }
  for (const auto& node : drm_render_nodes(machine.files, kPciAmd)) {
    const auto access = access_to_node(machine, node, "render", "drm");
    section.add("nodes", access.is_granted ? Verdict::kOk : Verdict::kWarning, access.found, access.remedy);
  }
}

}  // namespace ocelli::inventory
