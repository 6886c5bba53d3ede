// ElfLibrary: what a shared library says of itself, read without loading it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"
#include "inventory/machine_files.hpp"

namespace ocelli::inventory {

struct ElfLibrary {
  std::string architecture;            // as uname has it: "x86_64", "aarch64"; "machine 40" for others
  std::vector<std::string> needed;     // names of the libraries that it needs
  std::vector<std::string> run_paths;  // folders that it wants them to be looked for in; may begin with $ORIGIN
};

// Reads headers and the dynamic section only, with limits on all counts. kFailedPrecondition with the reason when the
// file is not a 64-bit little-endian shared library or is cut off.
Result<ElfLibrary> read_elf_library(const MachineFiles& files, std::string_view path);

}  // namespace ocelli::inventory
