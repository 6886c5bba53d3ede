// LibrarySearch: finds shared libraries where a machine's loader would find them, without loading any.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "inventory/machine_files.hpp"

namespace ocelli::inventory {

// A library that was looked for. path empty: it is nowhere. problem empty: the loader would take it.
struct FoundLibrary {
  std::string path;     // "/usr/lib/x86_64-linux-gnu/libcuda.so.1", in the machine's words
  std::string problem;  // "is for aarch64, this machine is x86_64", "needs libcudnn.so.9, which is nowhere"

  [[nodiscard]] bool is_loadable() const noexcept { return !path.empty() && problem.empty(); }
};

// The order of the loader: LD_LIBRARY_PATH, the folders of /etc/ld.so.conf and what it includes, the default folders.
// The library's own run path is honoured for what it needs. Libraries of the C and C++ runtime are taken to be there.
// Thread-safe.
class LibrarySearch {
 public:
  // library_path as in LD_LIBRARY_PATH; architecture as uname has it.
  LibrarySearch(MachineFiles files, std::string_view library_path, std::string architecture);
  // Looks in these folders too, after all others.
  [[nodiscard]] LibrarySearch with_folders(const std::vector<std::string>& more) const;

  [[nodiscard]] const std::vector<std::string>& folders() const noexcept { return folders_; }
  // By exact name ("libcudart.so.13"), or by a path that begins with a slash.
  [[nodiscard]] FoundLibrary find(std::string_view name) const;
  // The first file whose name begins with the prefix ("libcudart.so."), highest version first.
  [[nodiscard]] FoundLibrary find_any(std::string_view prefix) const;

 private:
  [[nodiscard]] std::string locate(std::string_view name, const std::vector<std::string>& first) const;
  [[nodiscard]] std::string problem_of(const std::string& path, std::set<std::string>& seen, int depth) const;

  MachineFiles files_;
  std::vector<std::string> folders_;
  std::string architecture_;
};

}  // namespace ocelli::inventory
