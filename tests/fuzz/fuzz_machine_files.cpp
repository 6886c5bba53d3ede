// The doctor over a machine one of whose files holds any bytes: a library, or a text of /proc, /sys or /etc. The first
// byte says which.
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "inventory/doctor.hpp"
#include "inventory/elf_library.hpp"

namespace {

namespace fs = std::filesystem;
using namespace ocelli::inventory;

constexpr std::array kFiles{
    "usr/lib/libmali.so",
    "proc/cpuinfo",
    "proc/meminfo",
    "proc/self/cgroup",
    "proc/self/mounts",
    "etc/group",
    "etc/passwd",
    "etc/ld.so.conf",
    "proc/driver/nvidia/version",
    "etc/os-release",
    "proc/device-tree/compatible",
    "sys/kernel/debug/rknpu/version",
    "etc/OpenCL/vendors/intel.icd",
    "proc/driver/nvidia/gpus/0/information",
};

// One tree a process: hardware of every sort, so that every check runs.
class Tree {
 public:
  Tree() : root_(fs::temp_directory_path() / ("ocelli_fuzz_" + std::to_string(::getpid()))) {
    write("dev/mali0", "");
    write("dev/nvidiactl", "");
    write("dev/ion", "");
    write("dev/dri/renderD128", "");
    write("sys/class/drm/renderD128/device/vendor", "0x8086");
    write("sys/bus/usb/devices/1/idVendor", "03e7");
    write("sys/bus/usb/devices/1/idProduct", "2485");
  }
  ~Tree() {
    std::error_code error;
    fs::remove_all(root_, error);
  }
  void write(const std::string& path, const std::string& content) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path, std::ios::binary) << content;
  }
  [[nodiscard]] const fs::path& root() const { return root_; }

 private:
  fs::path root_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Tree kTree;
  if (size == 0) return 0;
  const std::string file = kFiles[data[0] % kFiles.size()];
  kTree.write(file, std::string(reinterpret_cast<const char*>(data + 1), size - 1));
  const Machine machine{MachineFiles(kTree.root()), ProcessFacts{}};
  const auto report = examine(machine, Scope::all());
  if (report.findings.size() < 10) std::abort();  // every area says something
  if (file.ends_with(".so")) {
    const auto library = read_elf_library(machine.files, "/" + file);
    if (library.ok() && library->needed.size() > 256) std::abort();
  }
  std::error_code error;
  fs::remove(kTree.root() / file, error);
  return 0;
}
