#include <fmt/format.h>

#include <array>
#include <string>

#include "inventory/accel_nodes.hpp"
#include "inventory/checks/checks.hpp"
#include "inventory/text_parts.hpp"
#include "inventory/usb_devices.hpp"

namespace ocelli::inventory {
namespace {

constexpr std::array<std::string_view, 4> kRockchips{"rk3566", "rk3568", "rk3576", "rk3588"};
constexpr const char* kOtherDevice = "ocelli devices   # what models can run on here";

std::string rockchip_name(const MachineFiles& files) {
  const auto board = files.text("/proc/device-tree/compatible", 4096).value_or("");
  for (const auto name : kRockchips) {
    if (contains(board, name)) return std::string(name);
  }
  return "";
}

// "0.9.8" as one number that can be compared; 0 when it is no version.
std::uint64_t version_rank(std::string_view text) {
  std::uint64_t rank = 0;
  for (const auto part : split(text, '.')) rank = rank * 1000 + number(part).value_or(0);
  return rank;
}

struct KnownUsb {
  std::uint32_t vendor;
  std::uint32_t product;
  const char* name;
};
constexpr std::array kUsbAccelerators{
    KnownUsb{0x1a6e, 0x089a, "Google Coral USB accelerator"},
    KnownUsb{0x18d1, 0x9302, "Google Coral USB accelerator"},
};

}  // namespace

void check_rockchip(const Machine& machine, Findings& findings) {
  Section section(Area::kRockchip, findings);
  const auto name = rockchip_name(machine.files);
  if (name.empty()) {
    section.absent("device", "not present: the board is no RK3566, RK3568, RK3576 or RK3588");
    return;
  }
  section.warning("device", fmt::format("{}: no backend runs .rknn models; its Mali GPU and CPU can be used", name),
                  kOtherDevice);
  // "RKNPU driver: v0.9.8"
  const auto line = machine.files.line("/sys/kernel/debug/rknpu/version");
  const auto at = line.rfind('v');
  const std::string version = at == std::string::npos ? "" : line.substr(at + 1);
  if (version.empty()) {
    section.absent("driver", "/sys/kernel/debug/rknpu/version cannot be read",
                   "sudo cat /sys/kernel/debug/rknpu/version");
  } else if (version_rank(version) < version_rank("0.9.8")) {
    section.warning(
        "driver",
        fmt::format("RKNPU driver {} is older than 0.9.8, which a newer kernel of the board's vendor has", version),
        "");
  } else {
    section.ok("driver", fmt::format("RKNPU driver {}", version));
  }
  const auto library = machine.libraries.find("librknnrt.so");
  if (library.is_loadable()) {
    section.ok("librknnrt", library.path);
  } else {
    section.absent("librknnrt", library.path.empty() ? "librknnrt.so is not installed"
                                                     : fmt::format("{} {}", library.path, library.problem));
  }
}

void check_others(const Machine& machine, Findings& findings) {
  Section section(Area::kOthers, findings);
  std::vector<std::string> found;
  for (const auto& device : machine.pci) {
    if (device.vendor == kPciHailo) found.push_back("Hailo accelerator at " + device.slot);
    if (device.vendor == kPciCoral) found.push_back("Google Coral accelerator at " + device.slot);
  }
  for (const auto& device : usb_devices(machine.files)) {
    for (const auto& known : kUsbAccelerators) {
      if (known.vendor == device.vendor && known.product == device.product) found.emplace_back(known.name);
    }
  }
  for (const auto& node : accel_nodes(machine.files)) {
    // A Rockchip board's is told of where the board is.
    if (!node.may_be_of(kPciIntel) && rockchip_name(machine.files).empty())
      found.push_back(fmt::format("{} with driver {}", node.path, node.driver.empty() ? "unknown" : node.driver));
  }
  if (found.empty()) section.absent("device", "not present: no Hailo, no Coral, no NPU of another vendor");
  for (const auto& name : found)
    section.warning("device", name + ": no backend runs on it; models run on the CPU or another device", kOtherDevice);
}

}  // namespace ocelli::inventory
