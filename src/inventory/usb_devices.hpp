// UsbDevice: a device on the USB bus, as /sys tells it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "inventory/machine_files.hpp"

namespace ocelli::inventory {

struct UsbDevice {
  std::uint32_t vendor = 0;   // 0x03e7
  std::uint32_t product = 0;  // 0x2485
  std::string node;           // "/dev/bus/usb/001/004"; empty when /sys does not number it
};

// Of the whole bus, in the order of /sys.
std::vector<UsbDevice> usb_devices(const MachineFiles& files);

// Movidius' USB vendor.
inline constexpr std::uint32_t kUsbMovidius = 0x03e7;

}  // namespace ocelli::inventory
