#include <fmt/format.h>

#include <string>

#include "inventory/checks/armnn_library.hpp"
#include "inventory/checks/checks.hpp"

namespace ocelli::inventory {
namespace {

void check_backend(const Machine& machine, const std::string& library, const char* check, const char* name,
                   Section& section) {
  const auto backend = armnn_backend(machine, library, name);
  switch (backend.state) {
    case ArmNnBackendState::kModule:
      return section.ok(check, backend.place);
    case ArmNnBackendState::kInside:
      return section.ok(check, fmt::format("{} has no modules, so that {} can only be in it", library, name));
    default:
      return section.absent(
          check, fmt::format("ARM NN's backend {} is not installed: no module for it in {}", name, backend.place),
          backend.install);
  }
}

}  // namespace

void check_armnn_cpu(const Machine& machine, Findings& findings) {
  Section section(Area::kArmNnCpu, findings);
  const auto found = machine.libraries.find_any("libarmnn.so");
  if (found.path.empty()) {
    section.absent("device", "not present: ARM NN (libarmnn.so) is not installed", kInstallArmNn);
    return;
  }
  if (!found.is_loadable()) {
    section.problem("device", fmt::format("{} {}", found.path, found.problem),
                    "sudo apt-get install -y --reinstall libarmnn-dev");
    return;
  }
  section.ok("device", found.path);
  check_backend(machine, found.path, "cpu_ref", "CpuRef", section);
  if (machine.process.architecture == "aarch64") {
    check_backend(machine, found.path, "cpu_acc", "CpuAcc", section);
  } else {
    section.absent("cpu_acc", "ARM NN's backend CpuAcc exists for Arm processors only");
  }
}

}  // namespace ocelli::inventory
