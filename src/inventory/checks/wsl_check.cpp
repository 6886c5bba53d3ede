#include <fmt/format.h>

#include <string>

#include "inventory/checks/checks.hpp"
#include "inventory/remedy.hpp"

namespace ocelli::inventory {
namespace {

constexpr const char* kFolder = "/usr/lib/wsl";

}  // namespace

void check_wsl(const Machine& machine, Findings& findings) {
  Section section(Area::kWsl, findings);
  if (!machine.is_wsl) {
    section.absent("device", "not present: this is no Windows Subsystem for Linux");
    return;
  }
  section.ok("device", machine.files.line("/proc/sys/kernel/osrelease"));
  if (machine.files.is_device("/dev/dxg")) {
    const auto access = access_to_node(machine, "/dev/dxg", "render", "misc");
    section.add("dxg", access.is_granted ? Verdict::kOk : Verdict::kProblem, access.found, access.remedy);
  } else {
    section.problem("dxg", "no /dev/dxg: Windows offers no GPU", reach_windows_gpu(machine));
  }
  if (machine.files.facts(std::string(kFolder) + "/lib").kind != FileKind::kFolder) {
    section.problem("libraries", fmt::format("{}/lib is not there", kFolder),
                    machine.either(container_with("--volume /usr/lib/wsl:/usr/lib/wsl"), "wsl.exe --update"));
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
                    "wsl.exe --update");
  }
  if (machine.libraries.find("libdxcore.so").path.empty()) {
    section.warning("loader", fmt::format("the loader does not look in {}/lib", kFolder),
                    fmt::format("echo {}/lib | sudo tee /etc/ld.so.conf.d/ld.wsl.conf && sudo ldconfig", kFolder));
  }
}

}  // namespace ocelli::inventory
