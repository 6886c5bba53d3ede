// The nodes of accelerators below /dev/accel, whoever made them: Intel's and AMD's NPUs and those of boards share it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "inventory/machine_files.hpp"

namespace ocelli::inventory {

// One node, and what /sys tells of the device behind it. A plain value.
struct AccelNode {
  std::string path;          // "/dev/accel/accel0"
  std::string driver;        // "intel_vpu", "amdxdna", "rocket"; empty: not told
  std::uint32_t vendor = 0;  // PCI vendor; 0: not told, or not on the PCI bus
  bool is_known = false;     // /sys tells of the device; in a container it may be hidden

  // Whether it belongs to that PCI vendor, as far as one can tell.
  [[nodiscard]] bool may_be_of(std::uint32_t pci_vendor) const noexcept { return !is_known || vendor == pci_vendor; }
};

// By name. Empty where there are none.
std::vector<AccelNode> accel_nodes(const MachineFiles& files);

}  // namespace ocelli::inventory
