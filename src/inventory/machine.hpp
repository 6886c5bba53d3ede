// Machine: everything that a check may look at.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "inventory/accounts.hpp"
#include "inventory/library_search.hpp"
#include "inventory/machine_files.hpp"
#include "inventory/pci_devices.hpp"
#include "inventory/process_facts.hpp"

namespace ocelli::inventory {

// Read once, when it is made. Checks are pure functions of it.
struct Machine {
  MachineFiles files;
  Accounts accounts;
  ProcessFacts process;
  LibrarySearch libraries;
  std::vector<PciDevice> pci;
  bool is_container = false;  // Docker, Podman, LXC, Kubernetes
  bool is_wsl = false;        // Windows Subsystem for Linux 2

  Machine(MachineFiles machine_files, ProcessFacts facts);

  // The remedy that fits where this runs.
  [[nodiscard]] std::string either(std::string in_container, std::string on_host) const {
    return is_container ? std::move(in_container) : std::move(on_host);
  }
};

// Whether the machine's user may open a device node, and what to do when not.
struct NodeAccess {
  bool is_granted = false;
  std::string found;   // "/dev/mali0 belongs to root:video (rw-rw----), user immich is not in group video"
  std::string remedy;  // empty when granted
};

// The subsystem of nodes that NVIDIA's driver makes by itself, which udev does not know.
inline constexpr std::string_view kNvidiaNodes = "nvidia";

// The node must exist. `group` is the group that usually owns such nodes ("render"), `subsystem` what udev calls them
// ("drm"): both for the remedy.
NodeAccess access_to_node(const Machine& machine, std::string_view path, std::string_view group,
                          std::string_view subsystem);

}  // namespace ocelli::inventory
