// MachineFiles: the files of a machine, seen from a root folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ocelli::inventory {

// What lies at a path. kUnreadable: something on the way may not be entered, or links lead in a circle.
enum class FileKind : std::uint8_t { kAbsent, kFile, kFolder, kNode, kSocket, kOther, kUnreadable };

// Kind, permission bits (07777), owner and size of a file.
struct FileFacts {
  FileKind kind = FileKind::kAbsent;
  std::uint32_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t size = 0;
};

// Reads a machine's files below a root folder, which is "/" for the machine itself and any other folder for a copy of a
// machine (a mounted disk, a tree that a test built). Paths are absolute in the machine's words ("/dev/mali0"). Links,
// absolute ones too, are followed inside the root and never lead out of it; at most 40 of them. Nothing here throws,
// blocks on a pipe or a device, or reads without a limit. Thread-safe.
class MachineFiles {
 public:
  // As much of a file as text() gives: /proc/cpuinfo of 256 processors fits.
  static constexpr std::size_t kTextLimit = std::size_t{1} << 20U;
  // As many names of a folder as names() gives.
  static constexpr std::size_t kNamesLimit = 4096;

  explicit MachineFiles(std::filesystem::path root = "/");

  [[nodiscard]] const std::filesystem::path& root() const noexcept { return root_; }
  // Whether this is the running machine.
  [[nodiscard]] bool is_live() const noexcept { return root_ == "/"; }

  // Of the file that the path leads to, links followed.
  [[nodiscard]] FileFacts facts(std::string_view path) const;
  [[nodiscard]] bool exists(std::string_view path) const { return facts(path).kind != FileKind::kAbsent; }
  // A character or block device. In a copy of a machine, where nodes can rarely be made, a plain file stands for one.
  [[nodiscard]] bool is_device(std::string_view path) const;
  // The first `limit` bytes of a plain file; empty optional when there is none or it may not be read.
  [[nodiscard]] std::optional<std::string> text(std::string_view path, std::size_t limit = kTextLimit) const;
  // The first line of text(), without blanks at its ends; empty when there is none.
  [[nodiscard]] std::string line(std::string_view path) const;
  // `count` bytes from `offset` on, fewer at the end of the file.
  [[nodiscard]] std::optional<std::string> bytes(std::string_view path, std::uint64_t offset, std::size_t count) const;
  // Names in a folder, ascending; empty when there is none or it may not be read.
  [[nodiscard]] std::vector<std::string> names(std::string_view path) const;
  // Last part of what a link says, as it stands there: the driver's name for /sys/bus/pci/devices/X/driver. Empty when
  // the path is no link.
  [[nodiscard]] std::string link_name(std::string_view path) const;
  // The path without links, in the machine's words; empty when it leads nowhere.
  [[nodiscard]] std::string real_path(std::string_view path) const;
  // Where the path lies for the system calls of this process.
  [[nodiscard]] std::filesystem::path host_path(std::string_view path) const;

 private:
  struct Resolved {
    FileKind failure = FileKind::kFile;  // kAbsent or kUnreadable when it failed
    std::filesystem::path inside;        // relative to the root
  };
  [[nodiscard]] Resolved resolve(std::string_view path, bool follow_last) const;

  std::filesystem::path root_;
};

}  // namespace ocelli::inventory
