#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "inventory/checks/checks.hpp"
#include "inventory/legacy_openvino.hpp"
#include "inventory/remedy.hpp"
#include "inventory/text_parts.hpp"
#include "inventory/usb_devices.hpp"

namespace ocelli::inventory {
namespace {

// What OpenVINO 2022.3 installs as 97-myriad-usbboot.rules; the group is ours to choose.
constexpr const char* kInstallRule =
    "echo 'SUBSYSTEM==\"usb\", ATTRS{idVendor}==\"03e7\", MODE=\"0666\", ENV{ID_MM_DEVICE_IGNORE}=\"1\"' | sudo tee "
    "/etc/udev/rules.d/97-myriad-usbboot.rules && sudo udevadm control --reload && sudo udevadm trigger";

constexpr const char* kStickOptions = "--device-cgroup-rule='c 189:* rmw' -v /dev/bus/usb:/dev/bus/usb";

// The older OpenVINO is looked into by check_legacy_openvino(); here stands whether it serves this hardware.
void check_openvino(const LegacyOpenvino& legacy, const FoundLibrary& plugin, const char* device, Section& section) {
  const auto remedy = legacy_openvino_remedy();
  if (legacy.folder.empty()) {
    section.warning("openvino",
                    "OPENVINO_LEGACY_DIR is not set; unless --openvino_legacy_dir is given, nothing uses it", remedy);
  } else if (legacy.c_library.path.empty()) {
    section.problem("openvino", fmt::format("no libopenvino_c.so in OPENVINO_LEGACY_DIR={}", legacy.folder), remedy);
  } else if (plugin.path.empty()) {
    section.problem("openvino",
                    fmt::format("OpenVINO{}{} in {} has no plugin for {}", legacy.version.empty() ? "" : " ",
                                legacy.version, legacy.folder, device),
                    remedy);
  } else if (!plugin.is_loadable()) {
    section.problem("openvino", fmt::format("{} {}", plugin.path, plugin.problem),
                    legacy.dependency_script.empty() ? remedy : "sudo " + shell_word(legacy.dependency_script));
  } else {
    section.ok("openvino", legacy.c_library.path);
  }
}

std::vector<UsbDevice> sticks(const MachineFiles& files) {
  std::vector<UsbDevice> result;
  for (auto& device : usb_devices(files)) {
    if (device.vendor == kUsbMovidius) result.push_back(std::move(device));
  }
  return result;
}

// File with a udev rule for the stick; empty when there is none.
std::string udev_rule(const MachineFiles& files) {
  for (const std::string folder :
       {"/etc/udev/rules.d", "/run/udev/rules.d", "/usr/lib/udev/rules.d", "/lib/udev/rules.d"}) {
    for (const auto& name : files.names(folder)) {
      auto path = fmt::format("{}/{}", folder, name);
      if (name.ends_with(".rules") && contains(files.text(path, 65536).value_or(""), "03e7")) return path;
    }
  }
  return "";
}

void check_stick(const Machine& machine, const UsbDevice& stick, Section& section) {
  if (stick.node.empty() || !machine.files.is_device(stick.node)) {
    section.problem(
        "node",
        fmt::format("the stick is on the bus, but {} is not there",
                    stick.node.empty() ? "its node in /dev/bus/usb" : stick.node),
        machine.either(container_with(kStickOptions), "sudo udevadm trigger   # then plug the stick in again"));
    return;
  }
  auto access = access_to_node(machine, stick.node, "users", "usb");
  if (!access.is_granted) access.remedy = machine.either(on_host(kInstallRule), kInstallRule);
  section.add("node", access.is_granted ? Verdict::kOk : Verdict::kProblem, access.found, access.remedy);
}

bool is_running(const MachineFiles& files, std::string_view program) {
  return std::ranges::any_of(files.names("/proc"), [&](const auto& name) {
    return number(name) && files.line(fmt::format("/proc/{}/comm", name)) == program;
  });
}

// hddldaemon's socket in /var/tmp; empty when there is none.
std::string daemon_socket(const MachineFiles& files) {
  for (const auto& name : files.names("/var/tmp")) {
    if (!name.starts_with("hddl") || !name.ends_with(".sock")) continue;
    auto path = "/var/tmp/" + name;
    const auto kind = files.facts(path).kind;
    if (kind == FileKind::kSocket || (kind == FileKind::kFile && !files.is_live())) return path;
  }
  return "";
}

void check_daemon(const Machine& machine, const std::string& socket, bool runs, Section& section) {
  constexpr const char* kStart = "source /opt/intel/openvino_2022/setupvars.sh && ${HDDL_INSTALL_DIR}/bin/hddldaemon &";
  if (socket.empty()) {
    section.problem("daemon",
                    runs ? "hddldaemon runs, but has no socket in /var/tmp"
                         : "hddldaemon does not run: no socket hddl*.sock in /var/tmp",
                    machine.either(with_note(on_host(kStart), "and give the container -v /var/tmp:/var/tmp"), kStart));
    return;
  }
  const auto access = access_to_node(machine, socket, "users", "unix");
  if (access.is_granted) {
    section.ok("daemon", socket);
  } else {
    section.problem("daemon", access.found,
                    fmt::format("sudo -u '#{}' ocelli serve --config_path /models/config.json   # as the user who runs "
                                "hddldaemon",
                                machine.files.facts(socket).uid));
  }
}

}  // namespace

void check_myriad(const Machine& machine, Findings& findings) {
  Section section(Area::kMyriad, findings);
  const auto found = sticks(machine.files);
  if (found.empty()) {
    section.absent("device", "not present: no 03e7:2485 or 03e7:f63b on the USB bus",
                   machine.either(container_with(kStickOptions), ""));
    return;
  }
  section.ok("device", fmt::format("{} on the USB bus (03e7:{:04x})",
                                   found.size() == 1 ? "one stick" : fmt::format("{} sticks", found.size()),
                                   found.front().product));
  for (const auto& stick : found) check_stick(machine, stick, section);
  if (const auto rule = udev_rule(machine.files); !rule.empty()) {
    section.ok("udev_rule", rule);
  } else if (!machine.is_container) {
    // The stick changes its number when it boots, so permissions given by hand are lost.
    section.problem("udev_rule", "no udev rule names 03e7: only root can use the stick", kInstallRule);
  }
  const auto legacy = legacy_openvino(machine);
  check_openvino(legacy, legacy.myriad_plugin, "sticks", section);
}

void check_hddl(const Machine& machine, Findings& findings) {
  Section section(Area::kHddl, findings);
  const bool has_ion = machine.files.is_device("/dev/ion");
  const auto socket = daemon_socket(machine.files);
  const bool runs = is_running(machine.files, "hddldaemon");
  // Boards with Android kernels have /dev/ion too, but no card.
  if (socket.empty() && !runs && (!has_ion || machine.process.architecture != "x86_64")) {
    section.absent("device", "not present: no /dev/ion, no hddldaemon",
                   machine.either(container_with("--device /dev/ion -v /var/tmp:/var/tmp"), ""));
    return;
  }
  if (has_ion) {
    const auto access = access_to_node(machine, "/dev/ion", "users", "ion");
    section.add("device", access.is_granted ? Verdict::kOk : Verdict::kProblem, access.found, access.remedy);
  } else {
    section.problem("device", "hddldaemon is there, but no /dev/ion",
                    machine.either(container_with("--device /dev/ion"),
                                   "cd ${HDDL_INSTALL_DIR}/drivers && sudo ./setup.sh install"));
  }
  check_daemon(machine, socket, runs, section);
  const auto legacy = legacy_openvino(machine);
  check_openvino(legacy, legacy.hddl_plugin, "cards", section);
}

}  // namespace ocelli::inventory
