// A machine's files, built by a test in a temporary folder, and a process that looks at them.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "inventory/doctor.hpp"
#include "inventory/elf_writer.hpp"
#include "inventory/machine.hpp"
#include "inventory/typed_remedies.hpp"

namespace ocelli::inventory {

// The folder is removed at the end. Files belong to the user who runs the test, so /etc/group of the tree gives that
// user's group the name that a node's group shall have, and the process in the tree is somebody else.
class MachineTree {
 public:
  MachineTree() {
    std::string pattern = std::filesystem::temp_directory_path() / "ocelli_machine_XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    folder("/dev");
    folder("/opt/cache");
    ::chmod((root_ / "opt/cache").c_str(), 0777);
    text("/etc/os-release", "PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\nVERSION_ID=\"12\"\n");
    text("/proc/cpuinfo", kCpu);
    text("/proc/meminfo", "MemTotal: 32000000 kB\nMemFree: 1000 kB\nMemAvailable: 24000000 kB\n");
    text("/proc/self/mounts", "tmpfs /dev/shm tmpfs rw,nosuid,nodev 0 0\n");
    text("/proc/self/cgroup", "0::/user.slice\n");
    text("/etc/passwd", "root:x:0:0::/root:/bin/sh\nimmich:x:64001:64001::/home/immich:/bin/sh\n");
    process.user = {"immich", 64001, {64001}};
    process.open_files_soft = 1024;
    process.open_files_hard = 1048576;
    process.architecture = "x86_64";
    process.disk_space = [](const std::string&) { return DiskSpace{200 * kGiB, 100 * kGiB}; };
    group("render");
  }
  MachineTree(const MachineTree&) = delete;
  MachineTree& operator=(const MachineTree&) = delete;
  ~MachineTree() {
    std::error_code error;
    std::filesystem::remove_all(root_, error);
  }

  [[nodiscard]] const std::filesystem::path& root() const { return root_; }

  void folder(const std::string& path) { std::filesystem::create_directories(root_ / path.substr(1)); }
  void text(const std::string& path, const std::string& content) {
    const auto file = root_ / path.substr(1);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
  }
  void link(const std::string& path, const std::string& target) {
    const auto file = root_ / path.substr(1);
    std::filesystem::create_directories(file.parent_path());
    std::filesystem::create_symlink(target, file);
  }
  // A plain file stands for a device node.
  void node(const std::string& path, ::mode_t mode = 0666) {
    text(path, "");
    EXPECT_EQ(::chmod((root_ / path.substr(1)).c_str(), mode), 0);
  }
  void library(const std::string& path, const std::vector<std::string>& needed = {},
               const std::string& architecture = "x86_64") {
    text(path, elf_library_bytes(architecture, needed));
  }
  // What group the tree's files belong to. `members` by name, separated by commas.
  void group(const std::string& name, const std::string& members = "") {
    text("/etc/group", "root:x:0:\n" + name + ":x:" + std::to_string(::getegid()) + ":" + members + "\n");
  }
  // The process is in the group of the tree's files.
  void join_group() { process.user.groups.push_back(::getegid()); }
  void pci(const std::string& slot, const std::string& ids, const std::string& kind, const std::string& driver) {
    const std::string path = "/sys/bus/pci/devices/" + slot;
    text(path + "/vendor", "0x" + ids.substr(0, 4) + "\n");
    text(path + "/device", "0x" + ids.substr(5) + "\n");
    text(path + "/class", "0x" + kind + "\n");
    if (!driver.empty()) link(path + "/driver", "../../../../bus/pci/drivers/" + driver);
  }

  // Every remedy of every tree that a test examines must be one that can be typed.
  [[nodiscard]] Report examine(const std::string& scope = "") const {
    const Machine machine{MachineFiles(root_), process};
    auto wanted = scope.empty() ? Result<Scope>(Scope::all()) : parse_scope(scope);
    EXPECT_TRUE(wanted.ok()) << wanted.status().message();
    auto report = inventory::examine(machine, *wanted);
    for (const auto& finding : report.findings) {
      EXPECT_EQ(typing_fault(finding.remedy), "") << finding.id() << ": " << finding.remedy;
    }
    return report;
  }

  ProcessFacts process;

 private:
  static constexpr const char* kCpu =
      "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Intel(R)  Core(TM) i7-8700\nflags\t\t: fpu sse4_2 avx "
      "fma avx2\nprocessor\t: 1\nvendor_id\t: GenuineIntel\n";
  static constexpr std::uint64_t kGiB = std::uint64_t{1} << 30U;
  std::filesystem::path root_;
};

// "problem: text -> remedy" of a finding, the first with this id; "nothing" when there is none.
inline std::string line(const Report& report, const std::string& id) {
  for (const auto& finding : report.findings) {
    if (finding.id() != id) continue;
    std::string text = std::string(verdict_name(finding.verdict)) + ": " + finding.found;
    const bool needs_doing = finding.verdict == Verdict::kWarning || finding.verdict == Verdict::kProblem;
    if (needs_doing && !finding.remedy.empty()) text += " -> " + finding.remedy;
    return text;
  }
  return "nothing";
}

// Ids of the problems, joined by blanks.
inline std::string problems(const Report& report) {
  std::string text;
  for (const auto& finding : report.findings) {
    if (finding.verdict == Verdict::kProblem) text += (text.empty() ? "" : " ") + finding.id();
  }
  return text;
}

}  // namespace ocelli::inventory
