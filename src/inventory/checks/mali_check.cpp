#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <string>
#include <string_view>

#include "inventory/checks/checks.hpp"
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

// "panfrost" or "panthor" when Mesa's driver has taken the GPU.
std::string open_driver(const MachineFiles& files) {
  for (const char* name : {"panfrost", "panthor"}) {
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

void check_node(const Machine& machine, const std::string& driver, Section& section) {
  const auto kind = machine.files.facts(kNode).kind;
  if (kind == FileKind::kFolder) {
    section.problem("node", "/dev/mali0 is a folder, which Docker made because the host has no such node",
                    "on the host: ls -l /dev/mali0   (install the board vendor's kernel)");
  } else if (machine.files.is_device(kNode)) {
    const auto access = access_to_node(machine, kNode, "video", "misc");
    section.add("node", access.is_granted ? Verdict::kOk : Verdict::kProblem, access.found, access.remedy);
  } else if (!driver.empty()) {
    section.problem(
        "node", fmt::format("no /dev/mali0: the open driver {} has the GPU, which ARM NN cannot use", driver),
        "install the board vendor's Linux image, whose kernel has the driver mali (kbase); then: ls /dev/mali0");
  } else {
    section.problem("node", "no /dev/mali0",
                    machine.either("start the container with: --device /dev/mali0",
                                   "install the board vendor's Linux image, whose kernel has the driver mali (kbase); "
                                   "then: ls /dev/mali0"));
  }
}

void check_library(const Machine& machine, Section& section) {
  const auto libraries = machine.libraries.with_folders({kLibraryFolders.begin(), kLibraryFolders.end()});
  auto found = libraries.find(kLibrary);
  if (found.path.empty()) found = libraries.find("libmali.so");
  if (found.path.empty()) found = libraries.find("libmali.so.1");
  if (found.path.empty()) {
    section.problem("libmali", "libmali.so is nowhere",
                    machine.either("start the container with: -v /usr/lib/libmali.so:/usr/lib/libmali.so:ro",
                                   "install libmali from the board's vendor, for example: sudo dpkg -i "
                                   "libmali-valhall-g610-*.deb   (Rockchip)"));
  } else if (!found.problem.empty()) {
    section.problem("libmali", fmt::format("{} {}", found.path, found.problem),
                    machine.either("mount the host's own file: -v /usr/lib/libmali.so:/usr/lib/libmali.so:ro",
                                   "install libmali for this board and a 64-bit system from its vendor"));
  } else if (found.path != kLibrary) {
    section.warning("libmali", fmt::format("{}; hwaccel.ml.yml expects {}", found.path, kLibrary),
                    fmt::format("sudo ln -s {} {}", found.path, kLibrary));
  } else {
    section.ok("libmali", found.path);
  }
}

void check_firmware(const Machine& machine, const std::string& tree, Section& section) {
  for (const std::string path : kFirmwarePlaces) {
    const auto facts = machine.files.facts(path);
    if (facts.kind == FileKind::kFile && facts.size > 0) {
      section.ok("firmware", path);
      return;
    }
    if (facts.kind == FileKind::kFolder || facts.kind == FileKind::kFile) {
      section.problem("firmware", fmt::format("{} is {}", path, facts.kind == FileKind::kFile ? "empty" : "a folder"),
                      "sudo rm -r " + path + " && install the firmware of the board's vendor there");
      return;
    }
  }
  if (needs_firmware(tree)) {
    section.problem("firmware", fmt::format("{} is not there, and this GPU does not start without it", kFirmware),
                    machine.either(fmt::format("start the container with: -v {}:{}:ro", kFirmware, kFirmware),
                                   "sudo cp mali_csffw.bin /lib/firmware/ && sudo reboot   (the file comes with the "
                                   "board vendor's libmali)"));
  } else {
    section.absent("firmware", fmt::format("{} is not there; GPUs before Mali-G310 need none", kFirmware));
  }
}

// Debian packs each backend of ARM NN by itself, as a module beside the library; others build all into it.
void check_gpu_backend(const Machine& machine, const std::filesystem::path& library, Section& section) {
  constexpr std::string_view kLead = "libarmnn.so.";
  const std::string name = library.filename();
  const std::string version(name.starts_with(kLead) ? split(name.substr(kLead.size()), '.').front() : "");
  if (!number(version)) return;
  const auto chosen = machine.process.variable("ARMNN_BACKEND_DIR").value_or("");
  const std::string folder = chosen.empty() ? (library.parent_path() / ("armnn" + version)).string() : chosen;
  const std::string package = "/var/lib/dpkg/info/libarmnn" + version;
  const auto modules = machine.files.names(folder);
  for (const auto& module : modules) {
    if (contains(module, "GpuAcc")) return section.ok("backend", fmt::format("{}/{}", folder, module));
  }
  const bool has_modules = !modules.empty() || !chosen.empty() || machine.files.exists(package + ".list") ||
                           machine.files.exists(package + ":arm64.list");
  if (!has_modules) return;
  section.problem("backend", fmt::format("ARM NN's backend GpuAcc is not installed: no module for it in {}", folder),
                  fmt::format("sudo apt-get install -y libarmnn-gpuacc-backend{}", version));
}

void check_arm_nn(const Machine& machine, Section& section) {
  const auto found = machine.libraries.find_any("libarmnn.so");
  if (found.path.empty()) {
    section.problem("armnn", "ARM NN (libarmnn.so) is not installed",
                    "sudo apt-get install -y libarmnn-dev 'libarmnn-gpuacc-backend*'");
    return;
  }
  section.add("armnn", found.is_loadable() ? Verdict::kOk : Verdict::kProblem,
              found.is_loadable() ? found.path : fmt::format("{} {}", found.path, found.problem),
              found.is_loadable() ? "" : "sudo apt-get install -y --reinstall libarmnn-dev");
  check_gpu_backend(machine, found.path, section);
}

}  // namespace

void check_mali(const Machine& machine, Findings& findings) {
  Section section(Area::kMali, findings);
  const auto tree = device_tree(machine.files);
  const auto driver = open_driver(machine.files);
  const bool has_mali = contains(tree, "arm,mali") || machine.files.exists("/sys/class/misc/mali0");
  if (!has_mali && driver.empty() && !machine.files.exists(kNode)) {
    section.absent("device", "not present: no /dev/mali0, no Mali in the device tree",
                   "ls -l /dev/mali0   (only boards with an Arm Mali GPU have it)");
    return;
  }
  const auto gpu = tree.find("arm,mali");
  section.ok("device", gpu == std::string::npos ? "a Mali GPU" : tree.substr(gpu, tree.find(' ', gpu) - gpu));
  check_node(machine, driver, section);
  check_library(machine, section);
  check_firmware(machine, tree, section);
  check_arm_nn(machine, section);
}

}  // namespace ocelli::inventory
