#include <fmt/format.h>

#include <string>

#include "inventory/checks/checks.hpp"

namespace ocelli::inventory {
namespace {

constexpr const char* kFolder = "/usr/lib/wsl";

}  // namespace

void check_wsl(const Machine& machine, Findings& findings) {
  Section section(Area::kWsl, findings);
  if (!machine.is_wsl) {
    section.absent("device", "not present: this is no Windows Subsystem for Linux",
                   "wsl --status   (in a Windows terminal)");
    return;
  }
  section.ok("device", machine.files.line("/proc/sys/kernel/osrelease"));
  if (machine.files.is_device("/dev/dxg")) {
    const auto access = access_to_node(machine, "/dev/dxg", "render", "misc");
    section.add("dxg", access.is_granted ? Verdict::kOk : Verdict::kProblem, access.found, access.remedy);
  } else {
    section.problem("dxg", "no /dev/dxg: Windows offers no GPU",
                    machine.either("start the container with: --device /dev/dxg --volume /usr/lib/wsl:/usr/lib/wsl",
                                   "wsl --update && wsl --shutdown   (in a Windows terminal; the GPU's Windows driver "
                                   "must be current, and WSL version 2)"));
  }
  if (machine.files.facts(std::string(kFolder) + "/lib").kind != FileKind::kFolder) {
    section.problem("libraries", fmt::format("{}/lib is not there", kFolder),
                    machine.either("start the container with: --volume /usr/lib/wsl:/usr/lib/wsl",
                                   "wsl --update   (in a Windows terminal)"));
    return;
  }
  const auto libraries = machine.libraries.with_folders({std::string(kFolder) + "/lib"});
  const auto core = libraries.find("libdxcore.so");
  if (core.is_loadable()) {
    section.ok("libraries", core.path);
  } else {
    section.problem("libraries",
                    core.path.empty() ? fmt::format("libdxcore.so is not in {}/lib", kFolder)
                                      : fmt::format("{} {}", core.path, core.problem),
                    "wsl --update   (in a Windows terminal)");
  }
  if (machine.libraries.find("libdxcore.so").path.empty()) {
    section.warning("loader", fmt::format("the loader does not look in {}/lib", kFolder),
                    fmt::format("echo {}/lib | sudo tee /etc/ld.so.conf.d/ld.wsl.conf && sudo ldconfig", kFolder));
  }
}

}  // namespace ocelli::inventory
