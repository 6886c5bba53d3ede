#include "backends/openvino_c/library_location.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "base/folder_entries.hpp"

namespace ocelli::openvino_c {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLibrary = "libopenvino_c.so";
// Where releases put their libraries, below the folder that the user names.
constexpr std::array kLibraryFolders{"runtime/lib/intel64",
                                     "runtime/lib/aarch64",
                                     "runtime/lib/arm64",
                                     "openvino/libs",
                                     "libs",
                                     "lib/intel64",
                                     "lib",
                                     ""};
// Libraries that an installation keeps elsewhere.
constexpr std::array kFurtherFolders{"runtime/3rdparty/tbb/lib", "runtime/3rdparty/hddl/lib"};

// The plain name before "libopenvino_c.so.2230".
fs::path library_in(const fs::path& folder) {
  std::vector<fs::path> found;
  for (const auto& entry : folder_entries(folder)) {
    const std::string file = entry.path().filename();
    if (file == kLibrary || file.starts_with(std::string(kLibrary) + ".")) found.push_back(entry.path());
  }
  return found.empty() ? fs::path() : *std::ranges::min_element(found);
}

// The installation around a library, for what lies beside its own folder.
fs::path root_of(const fs::path& library) {
  for (fs::path folder = library.parent_path(); folder.has_relative_path(); folder = folder.parent_path()) {
    if (folder.filename() == "runtime") return folder.parent_path();
  }
  return {};
}

}  // namespace

Result<LibraryLocation> locate_library(const fs::path& folder) {
  std::error_code error;
  fs::path library;
  if (fs::is_regular_file(folder, error)) library = folder;
  std::string tried;
  for (const char* below : kLibraryFolders) {
    if (!library.empty()) break;
    library = library_in(folder / below);
    if (library.empty()) tried += fmt::format("{}{}", tried.empty() ? "" : ", ", (folder / below).string());
  }
  if (library.empty()) {
    return failed_precondition(
        fmt::format("there is no {} in {} (looked in {}); {}", kLibrary, folder.string(), tried, legacy_remedy()));
  }
  library = fs::absolute(library, error);
  LibraryLocation location{library, {}};
  std::string path = library.parent_path();
  if (const fs::path root = root_of(library); !root.empty()) {
    for (const char* further : kFurtherFolders) {
      if (fs::is_directory(root / further, error)) path += ":" + (root / further).string();
    }
    const fs::path hddl = root / "runtime/3rdparty/hddl";
    if (fs::is_directory(hddl, error) && !std::getenv("HDDL_INSTALL_DIR"))
      location.environment["HDDL_INSTALL_DIR"] = hddl;
  }
  if (const char* own = std::getenv("LD_LIBRARY_PATH"); own && *own) path += std::string(":") + own;
  location.environment["LD_LIBRARY_PATH"] = path;
  return location;
}

std::string legacy_remedy() {
  return "Movidius devices need OpenVINO 2022.3 or older: unpack the OpenVINO Runtime archive 2022.3 LTS "
         "(l_openvino_toolkit_*_2022.3.*.tgz) and give its folder, the one with runtime/lib, by --openvino_legacy_dir "
         "DIR or the environment variable OPENVINO_LEGACY_DIR";
}

}  // namespace ocelli::openvino_c
