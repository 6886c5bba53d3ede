#include "inventory/pci_devices.hpp"

#include <fmt/format.h>

#include "inventory/text_parts.hpp"

namespace ocelli::inventory {
namespace {

constexpr const char* kBus = "/sys/bus/pci/devices";

std::uint32_t id(const MachineFiles& files, const std::string& path) {
  return static_cast<std::uint32_t>(number(files.line(path), 16).value_or(0));
}

}  // namespace

std::string PciDevice::ids() const { return fmt::format("{:04x}:{:04x}", vendor, device); }

std::vector<PciDevice> pci_devices(const MachineFiles& files) {
  std::vector<PciDevice> result;
  for (const auto& slot : files.names(kBus)) {
    const std::string folder = fmt::format("{}/{}", kBus, slot);
    result.push_back({slot, id(files, folder + "/vendor"), id(files, folder + "/device"), id(files, folder + "/class"),
                      files.link_name(folder + "/driver")});
  }
  return result;
}

}  // namespace ocelli::inventory
