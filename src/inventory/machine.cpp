#include "inventory/machine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "inventory/remedy.hpp"
#include "inventory/text_parts.hpp"

namespace ocelli::inventory {
namespace {

bool in_container(const MachineFiles& files, const ProcessFacts& process) {
  if (files.exists("/.dockerenv") || files.exists("/run/.containerenv")) return true;
  const auto variable = process.variable("container");
  if (files.is_live() && variable && !variable->empty()) return true;
  const auto cgroup = files.text("/proc/1/cgroup").value_or("");
  constexpr std::array<std::string_view, 5> kRuntimes{"/docker", "/kubepods", "/lxc", "containerd", "libpod"};
  return std::ranges::any_of(kRuntimes, [&](std::string_view word) { return contains(cgroup, word); });
}

bool in_wsl(const MachineFiles& files) {
  const auto release = files.line("/proc/sys/kernel/osrelease") + files.line("/proc/version");
  return contains(release, "microsoft") || contains(release, "Microsoft");
}

// "x86_64" or "aarch64" of the machine whose files these are; a copy may be another's than this process's.
std::string architecture_of(const MachineFiles& files, const ProcessFacts& process) {
  const auto cpus = files.text("/proc/cpuinfo").value_or("");
  if (contains(cpus, "CPU implementer")) return "aarch64";
  if (contains(cpus, "vendor_id")) return "x86_64";
  return process.architecture;
}

std::string permissions(std::uint32_t mode) {
  static constexpr std::string_view kLetters = "rwxrwxrwx";
  std::string text;
  for (unsigned i = 0; i < kLetters.size(); ++i) text += (mode >> (8U - i) & 1U) != 0 ? kLetters[i] : '-';
  return text;
}

bool is_granted(const FileFacts& node, const User& user) {
  if (user.uid == 0) return true;
  constexpr std::uint32_t kReadWrite = 6;
  if (node.uid == user.uid) return (node.mode >> 6U & kReadWrite) == kReadWrite;
  if (user.is_in(node.gid)) return (node.mode >> 3U & kReadWrite) == kReadWrite;
  return (node.mode & kReadWrite) == kReadWrite;
}

// NVIDIA's driver makes its nodes as its options say, and makes them so again whenever CUDA starts: udev never hears of
// them, and what is changed by hand does not last. Of an option that is given twice the last one counts.
std::string set_nvidia_options(std::string_view group) {
  return fmt::format(
      "echo \"options nvidia NVreg_DeviceFileGID=$(getent group {} | cut -d: -f3) NVreg_DeviceFileMode=0660\" | "
      "sudo tee /etc/modprobe.d/zz-ocelli-nvidia.conf",
      group);
}

constexpr const char* kReloadNvidia =
    " && sudo reboot   # before it, if the driver is in the initramfs: sudo update-initramfs -u";

std::string set_udev_rule(std::string_view path, std::string_view group, std::string_view subsystem) {
  // What the kernel calls "misc" are devices of many sorts, so each has a rule of its own.
  const bool is_one = subsystem == "misc";
  const auto name = path.substr(path.rfind('/') + 1);
  return fmt::format(
      "echo '{}SUBSYSTEM==\"{}\", GROUP=\"{}\", MODE=\"0660\"' | sudo tee /etc/udev/rules.d/70-ocelli-{}.rules && sudo "
      "udevadm control --reload && sudo udevadm trigger",
      is_one ? fmt::format("KERNEL==\"{}\", ", name) : "", subsystem, group, is_one ? name : subsystem);
}

std::string remedy_for(const Machine& machine, const FileFacts& node, std::string_view path, std::string_view group,
                       std::string_view subsystem) {
  const auto& user = machine.process.user;
  const bool group_may = (node.mode >> 3U & 6U) == 6U && node.gid != 0;
  const bool by_options = subsystem == kNvidiaNodes;
  if (machine.is_container) {
    if (group_may) return container_with(fmt::format("--device {} --group-add {}", path, node.gid));
    return on_host(by_options ? set_nvidia_options(group) + kReloadNvidia
                              : fmt::format("sudo chgrp {0} {1} && sudo chmod 660 {1}", group, path));
  }
  if (!group_may) {
    return fmt::format("{}{} && sudo usermod -aG {} {}{}",
                       machine.accounts.group_number(group) ? "" : fmt::format("sudo groupadd --system {} && ", group),
                       by_options ? set_nvidia_options(group) : set_udev_rule(path, group, subsystem), group, user.name,
                       by_options ? kReloadNvidia : "");
  }
  const auto name = machine.accounts.group_name(node.gid);
  if (!name.empty()) return fmt::format("sudo usermod -aG {} {}   # then log in again", name, user.name);
  return fmt::format("sudo groupadd --gid {} {} && sudo usermod -aG {} {}   # then log in again", node.gid, group,
                     group, user.name);
}

}  // namespace

Machine::Machine(MachineFiles machine_files, ProcessFacts facts)
    : files(std::move(machine_files)),
      accounts(files),
      process(std::move(facts)),
      libraries(files, process.variable("LD_LIBRARY_PATH").value_or(""), architecture_of(files, process)),
      pci(pci_devices(files)),
      is_container(in_container(files, process)),
      is_wsl(in_wsl(files)) {
  process.architecture = architecture_of(files, process);
}

NodeAccess access_to_node(const Machine& machine, std::string_view path, std::string_view group,
                          std::string_view subsystem) {
  const auto node = machine.files.facts(path);
  const auto& user = machine.process.user;
  const auto owner = machine.accounts.user_name(node.uid);
  const auto owning_group = machine.accounts.group_name(node.gid);
  const std::string belongs =
      fmt::format("{} belongs to {}:{} ({})", path, owner.empty() ? std::to_string(node.uid) : owner,
                  owning_group.empty() ? std::to_string(node.gid) : owning_group, permissions(node.mode));
  if (!is_granted(node, user)) {
    const std::string why = owning_group.empty()   ? fmt::format("group {} has no name on this machine", node.gid)
                            : user.is_in(node.gid) ? fmt::format("group {} may not read and write", owning_group)
                                                   : fmt::format("user {} is not in group {}", user.name, owning_group);
    return {false, fmt::format("{}, {}", belongs, why), remedy_for(machine, node, path, group, subsystem)};
  }
  // The permissions do not tell everything: a container's device rules refuse at opening.
  if (machine.files.is_live() && machine.process.try_open && node.kind == FileKind::kNode) {
    if (const int error = machine.process.try_open(std::string(path)); error != 0 && error != EBUSY) {
      std::array<char, 128> text{};
      return {false, fmt::format("{} cannot be opened: {}", path, ::strerror_r(error, text.data(), text.size())),
              machine.either(container_with(fmt::format("--device {}", path)),
                             "sudo dmesg | tail -n 30   # the driver says why")};
    }
  }
  return {true, belongs, ""};
}

}  // namespace ocelli::inventory
