#include "inventory/usb_devices.hpp"

#include <fmt/format.h>

#include "inventory/text_parts.hpp"

namespace ocelli::inventory {

std::vector<UsbDevice> usb_devices(const MachineFiles& files) {
  std::vector<UsbDevice> result;
  for (const auto& name : files.names("/sys/bus/usb/devices")) {
    const std::string folder = "/sys/bus/usb/devices/" + name;
    const auto vendor = number(files.line(folder + "/idVendor"), 16);
    const auto product = number(files.line(folder + "/idProduct"), 16);
    if (!vendor || !product) continue;  // an interface of a device
    UsbDevice device{static_cast<std::uint32_t>(*vendor), static_cast<std::uint32_t>(*product), ""};
    const auto bus = number(files.line(folder + "/busnum"));
    const auto address = number(files.line(folder + "/devnum"));
    if (bus && address) device.node = fmt::format("/dev/bus/usb/{:03}/{:03}", *bus, *address);
    result.push_back(std::move(device));
  }
  return result;
}

}  // namespace ocelli::inventory
