// PciDevice: a device on the PCI bus, as /sys tells it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "inventory/machine_files.hpp"

namespace ocelli::inventory {

// Numbers of the PCI ID database.
inline constexpr std::uint32_t kPciIntel = 0x8086;
inline constexpr std::uint32_t kPciNvidia = 0x10de;
inline constexpr std::uint32_t kPciAmd = 0x1002;
inline constexpr std::uint32_t kPciHailo = 0x1e60;
inline constexpr std::uint32_t kPciCoral = 0x1ac1;

struct PciDevice {
  std::string slot;  // "0000:01:00.0"
  std::uint32_t vendor = 0;
  std::uint32_t device = 0;
  std::uint32_t kind = 0;  // class, subclass, interface: 0x030000 is a VGA controller
  std::string driver;      // "nvidia", "nouveau", "i915"; empty: none is bound

  // A display controller of any sort (class 03).
  [[nodiscard]] bool is_display() const noexcept { return kind >> 16U == 0x03; }
  // A processing accelerator (class 12), which is what Intel's NPU calls itself.
  [[nodiscard]] bool is_accelerator() const noexcept { return kind >> 16U == 0x12; }
  // "10de:2684".
  [[nodiscard]] std::string ids() const;
};

// Of the whole bus, by slot. Empty where there is no PCI or /sys is hidden.
std::vector<PciDevice> pci_devices(const MachineFiles& files);

}  // namespace ocelli::inventory
