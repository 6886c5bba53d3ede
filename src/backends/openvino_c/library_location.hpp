// LibraryLocation: where in the user's folder OpenVINO's C library lies, and what it needs beside it.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "base/status.hpp"

namespace ocelli::openvino_c {

struct LibraryLocation {
  std::filesystem::path library;  // .../libopenvino_c.so
  // What setupvars.sh would set for the worker: LD_LIBRARY_PATH with this process's own behind it, HDDL_INSTALL_DIR.
  std::map<std::string, std::string> environment;
};

// folder is an installation (runtime/lib/intel64/libopenvino_c.so, as 2022.3 LTS unpacks), a Python package's folder
// (openvino/libs or libs), the library's own folder, or the library. Errors: kFailedPrecondition with the places that
// were looked at.
Result<LibraryLocation> locate_library(const std::filesystem::path& folder);

// What to do when no folder was given, or it does not serve.
std::string legacy_remedy();

}  // namespace ocelli::openvino_c
