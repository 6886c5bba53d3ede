// ProcessFacts: what the checks know of the process, and all that they do beyond reading files.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "inventory/accounts.hpp"

namespace ocelli::inventory {

// Space of the file system that a path lies on, in bytes.
struct DiskSpace {
  std::uint64_t total = 0;
  std::uint64_t available = 0;  // to an ordinary user
};

// A plain value, so that a test can describe any process. The functions may be empty: what they would tell is then not
// reported.
struct ProcessFacts {
  User user;  // as whom the server runs
  std::map<std::string, std::string> environment;
  // Open files: the limit that holds, and the one up to which the server raises it by itself at its start.
  std::uint64_t open_files_soft = 0;
  std::uint64_t open_files_hard = 0;
  std::string architecture;  // as uname has it: "x86_64", "aarch64"
  // Folder with the ONNX Runtime library that this program was built to use; empty: unknown.
  std::string onnxruntime_folder;
  // Of a path as the process sees it.
  std::function<std::optional<DiskSpace>(const std::string& host_path)> disk_space;
  // Opens a device for reading and writing and closes it at once: 0 or errno. Only for the running machine and user.
  std::function<int(const std::string& host_path)> try_open;

  // Value of a variable of the environment; empty optional when it is not set.
  [[nodiscard]] std::optional<std::string> variable(const std::string& name) const;

  // This process. names gives the user's name.
  static ProcessFacts current(const Accounts& names);
};

}  // namespace ocelli::inventory
