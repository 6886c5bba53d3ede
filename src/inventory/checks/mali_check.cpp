#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "inventory/checks/armnn_library.hpp"
#include "inventory/checks/checks.hpp"
#include "inventory/remedy.hpp"
#include "inventory/text_parts.hpp"

namespace ocelli::inventory {
namespace {

constexpr const char* kNode = "/dev/mali0";
constexpr const char* kLibrary = "/usr/lib/libmali.so";            // where hwaccel.ml.yml mounts it from
constexpr const char* kFirmware = "/lib/firmware/mali_csffw.bin";  // likewise
constexpr std::array<const char*, 4> kLibraryFolders{"/usr/lib/aarch64-linux-gnu/mali", "/usr/lib/mali",
                                                     "/vendor/lib64", "/system/vendor/lib64"};
constexpr std::array<const char*, 3> kFirmwarePlaces{kFirmware, "/usr/lib/firmware/mali_csffw.bin",
                                                     "/vendor/firmware/mali_csffw.bin"};

// "arm,mali-valhall-csf" and the like of the board's GPU, and the board's own names, from its device tree.
std::string device_tree(const MachineFiles& files) {
  std::string text;
  for (const std::string base : {"/proc/device-tree", "/sys/firmware/devicetree/base"}) {
    const auto board = files.text(base + "/compatible", 4096).value_or("");
    for (const auto word : words(board)) text += std::string(word) + " ";
    for (const std::string& folder : {base, base + "/soc"}) {
      for (const auto& name : files.names(folder)) {
        if (!name.starts_with("gpu")) continue;
        const auto gpu = files.text(fmt::format("{}/{}/compatible", folder, name), 4096).value_or("");
        for (const auto word : words(gpu)) text += std::string(word) + " ";
      }
    }
    if (!text.empty()) break;
  }
  return text;
}

// "panfrost", "panthor" or "lima" when Mesa's driver has taken the GPU.
std::string open_driver(const MachineFiles& files) {
  for (const char* name : {"panfrost", "panthor", "lima"}) {
    for (const auto& entry : files.names(std::string("/sys/bus/platform/drivers/") + name)) {
      if (contains(entry, "gpu")) return name;
    }
  }
  return "";
}

// GPUs with a command stream frontend (Mali-G310, G510, G610 and newer) do not start without firmware.
bool needs_firmware(const std::string& tree) {
  return contains(tree, "valhall-csf") || contains(tree, "rk3588") || contains(tree, "mali-csf");
}

// Mali-300, 400, 450 and 470 have no OpenCL, by whatever driver.
bool is_utgard(const std::string& tree, const std::string& driver) {
  constexpr std::array kUtgards{"arm,mali-300", "arm,mali-400", "arm,mali-450", "arm,mali-470"};
  return driver == "lima" || std::ranges::any_of(kUtgards, [&](const char* name) { return contains(tree, name); });
}

// Where the driver comes from: no command brings it to a kernel that has it not.
constexpr const char* kKernel = "the kernel of the board vendor's Linux image has the driver mali (kbase)";
constexpr const char* kLoad = "sudo modprobe mali_kbase && ls -l /dev/mali0";

void check_node(const Machine& machine, const std::string& driver, Section& section) {
  const auto kind = machine.files.facts(kNode).kind;
  if (kind == FileKind::kFolder) {
    section.problem(
        "node", fmt::format("/dev/mali0 is a folder, which Docker made because the host has no such node; {}", kKernel),
        machine.either(on_host(fmt::format("sudo rmdir {} && {}", kNode, kLoad)),
                       fmt::format("sudo rmdir {} && {}", kNode, kLoad)));
  } else if (machine.files.is_device(kNode)) {
    const auto access = access_to_node(machine, kNode, "video", "misc");
    section.add("node", access.is_granted ? Verdict::kOk : Verdict::kProblem, access.found, access.remedy);
  } else if (!driver.empty()) {
    section.problem(
        "node",
        fmt::format("no /dev/mali0: the open driver {} has the GPU, which ARM NN cannot use; {}", driver, kKernel), "");
  } else {
    section.problem("node", fmt::format("no /dev/mali0; {}", kKernel),
                    machine.either(container_with("--device /dev/mali0"), kLoad));
  }
}

constexpr const char* kMountLibrary = "-v /usr/lib/libmali.so:/usr/lib/libmali.so:ro";
constexpr const char* kFindLibrary =
    "sudo find / -xdev -name 'libmali*.so*'   # if the vendor's image has it, then: sudo ln -s FILE "
    "/usr/lib/libmali.so";

void check_library(const Machine& machine, Section& section) {
  const auto libraries = machine.libraries.with_folders({kLibraryFolders.begin(), kLibraryFolders.end()});
  auto found = libraries.find(kLibrary);
  if (found.path.empty()) found = libraries.find("libmali.so");
  if (found.path.empty()) found = libraries.find("libmali.so.1");
  if (found.path.empty()) {
    section.problem("libmali", "libmali.so is nowhere; it comes from the board's vendor",
                    machine.either(container_with(kMountLibrary), kFindLibrary));
  } else if (!found.problem.empty()) {
    section.problem("libmali",
                    fmt::format("{} {}; the board's vendor has one for a 64-bit system", found.path, found.problem),
                    machine.either(container_with(kMountLibrary), kFindLibrary));
  } else if (found.path != kLibrary) {
    section.warning("libmali", fmt::format("{}; hwaccel.ml.yml expects {}", found.path, kLibrary),
                    fmt::format("sudo ln -s {} {}", shell_word(found.path), kLibrary));
  } else {
    section.ok("libmali", found.path);
  }
}

// tree is empty where a container hides the device tree; then the GPU may need it.
void check_firmware(const Machine& machine, const std::string& tree, Section& section) {
  const std::string mount = container_with(fmt::format("-v {0}:{0}:ro", kFirmware));
  const std::string copy =
      "sudo cp mali_csffw.bin /lib/firmware/ && sudo reboot   # the file comes with the board vendor's libmali";
  for (const std::string path : kFirmwarePlaces) {
    const auto facts = machine.files.facts(path);
    if (facts.kind == FileKind::kFile && facts.size > 0) {
      section.ok("firmware", path);
      return;
    }
    if (facts.kind != FileKind::kFolder && facts.kind != FileKind::kFile) continue;
    const bool is_folder = facts.kind == FileKind::kFolder;
    // Docker makes a folder of what it shall mount and does not find. In the container it is the host's, not to be
    // removed there.
    section.problem(
        "firmware",
        fmt::format("{} is {}", path,
                    is_folder ? "a folder; Docker makes one when the file to be mounted is not there on the "
                                "host"
                              : "empty"),
        machine.either(with_note(mount, "once the host has the file"),
                       is_folder ? fmt::format("sudo rmdir {} && {}", path, copy) : copy));
    return;
  }
  if (needs_firmware(tree)) {
    section.problem("firmware", fmt::format("{} is not there, and this GPU does not start without it", kFirmware),
                    machine.either(mount, copy));
  } else {
    section.absent("firmware", fmt::format("{} is not there; GPUs before Mali-G310 need none", kFirmware));
  }
}

void check_arm_nn(const Machine& machine, Section& section) {
  const auto found = machine.libraries.find_any("libarmnn.so");
  if (found.path.empty()) {
    section.problem("armnn", "ARM NN (libarmnn.so) is not installed", kInstallArmNn);
    return;
  }
  section.add("armnn", found.is_loadable() ? Verdict::kOk : Verdict::kProblem,
              found.is_loadable() ? found.path : fmt::format("{} {}", found.path, found.problem),
              found.is_loadable() ? "" : "sudo apt-get install -y --reinstall libarmnn-dev");
  const auto backend = armnn_backend(machine, found.path, "GpuAcc");
  if (backend.state == ArmNnBackendState::kModule) {
    section.ok("backend", backend.place);
  } else if (backend.state == ArmNnBackendState::kMissing) {
    section.problem("backend",
                    fmt::format("ARM NN's backend GpuAcc is not installed: no module for it in {}", backend.place),
                    backend.install);
  }
}

}  // namespace

void check_mali(const Machine& machine, Findings& findings) {
  Section section(Area::kMali, findings);
  const auto tree = device_tree(machine.files);
  const auto driver = open_driver(machine.files);
  const bool has_mali = contains(tree, "arm,mali") || machine.files.exists("/sys/class/misc/mali0");
  if (!has_mali && driver.empty() && !machine.files.exists(kNode)) {
    section.absent("device", "not present: no /dev/mali0, no Mali in the device tree",
                   machine.either(container_with("--device /dev/mali0"), ""));
    return;
  }
  const auto gpu = tree.find("arm,mali");
  const std::string name = gpu == std::string::npos ? "a Mali GPU" : tree.substr(gpu, tree.find(' ', gpu) - gpu);
  if (is_utgard(tree, driver)) {
    section.warning("device",
                    name + ": this GPU (Utgard) has no OpenCL, so that ARM NN cannot use it; models run on the CPU",
                    "ocelli devices   # what models can run on here");
    return;
  }
  section.ok("device", name);
  check_node(machine, driver, section);
  check_library(machine, section);
  check_firmware(machine, tree, section);
  check_arm_nn(machine, section);
}

}  // namespace ocelli::inventory
