#include "inventory/legacy_openvino.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "inventory/text_parts.hpp"

namespace ocelli::inventory {
namespace {

// Below the folder; where the backend looks too (backends/openvino_c/library_location.cpp), and where releases of 2021
// and before had them.
constexpr std::array<std::string_view, 10> kLibraryFolders{"/runtime/lib/intel64",
                                                           "/runtime/lib/aarch64",
                                                           "/runtime/lib/arm64",
                                                           "/openvino/libs",
                                                           "/libs",
                                                           "/lib/intel64",
                                                           "/lib",
                                                           "",
                                                           "/deployment_tools/inference_engine/lib/intel64",
                                                           "/inference_engine/lib/intel64"};
constexpr std::array<std::string_view, 2> kFurtherFolders{"/runtime/3rdparty/tbb/lib", "/runtime/3rdparty/hddl/lib"};

// The file with this name or, without one, with the name and a version behind it.
std::string file_in(const MachineFiles& files, const std::string& folder, std::string_view name) {
  std::string found;
  for (const auto& file : files.names(folder)) {
    if (file == name) return fmt::format("{}/{}", folder, file);
    if (found.empty() && file.starts_with(name) && file[name.size()] == '.') found = fmt::format("{}/{}", folder, file);
  }
  return found;
}

// The first of the names that is there.
FoundLibrary library_in(const Machine& machine, const LibrarySearch& search, const std::string& folder,
                        std::initializer_list<std::string_view> names) {
  for (const auto name : names) {
    if (const auto path = file_in(machine.files, folder, name); !path.empty()) return search.find(path);
  }
  return {};
}

// What the installation says of itself, else what its library's file is called: libopenvino.so.2022.3.0.
std::string version_of(const Machine& machine, const LegacyOpenvino& legacy) {
  for (const std::string_view file :
       {"/runtime/version.txt", "/version.txt", "/deployment_tools/inference_engine/version.txt"}) {
    if (auto version = machine.files.line(legacy.folder + std::string(file)); !version.empty()) return version;
  }
  constexpr std::string_view kLibrary = "libopenvino.so.";
  std::string version;
  for (const auto& name : machine.files.names(legacy.library_folder)) {
    if (!name.starts_with(kLibrary)) continue;
    const auto rest = std::string_view(name).substr(kLibrary.size());
    if (rest.size() > version.size()) version = rest;
  }
  return contains(version, ".") ? version : "";
}

// {2022, 3} of "2022.3.0-9052-...".
std::optional<std::pair<unsigned, unsigned>> release_of(std::string_view version) {
  const auto parts = split(version.substr(0, version.find('-')), '.');
  if (parts.size() < 2) return std::nullopt;
  const auto year = number(parts[0]);
  const auto part = number(parts[1]);
  if (!year || !part || *year < 2018 || *year > 9999 || *part > 99) return std::nullopt;
  return std::pair{static_cast<unsigned>(*year), static_cast<unsigned>(*part)};
}

std::string dependency_script_of(const Machine& machine, const std::string& folder) {
  auto script = folder + "/install_dependencies/install_openvino_dependencies.sh";
  return machine.files.exists(script) ? script : "";
}

}  // namespace

LegacyOpenvino legacy_openvino(const Machine& machine) {
  LegacyOpenvino legacy;
  legacy.folder = machine.process.variable("OPENVINO_LEGACY_DIR").value_or("");
  if (legacy.folder.empty()) return legacy;
  while (legacy.folder.size() > 1 && legacy.folder.ends_with('/')) legacy.folder.pop_back();
  legacy.is_there = machine.files.facts(legacy.folder).kind == FileKind::kFolder;
  for (const auto below : kLibraryFolders) {
    auto folder = legacy.folder + std::string(below);
    if (file_in(machine.files, folder, "libopenvino_c.so").empty() &&
        file_in(machine.files, folder, "libinference_engine_c_api.so").empty() &&
        file_in(machine.files, folder, "libopenvino.so").empty())
      continue;
    legacy.library_folder = std::move(folder);
    break;
  }
  if (legacy.library_folder.empty()) return legacy;
  std::vector<std::string> folders{legacy.library_folder};
  for (const auto further : kFurtherFolders) folders.push_back(legacy.folder + std::string(further));
  const auto search = machine.libraries.with_folders(folders);
  const auto find = [&](std::initializer_list<std::string_view> names) {
    return library_in(machine, search, legacy.library_folder, names);
  };
  legacy.c_library = find({"libopenvino_c.so"});
  legacy.old_c_library = find({"libinference_engine_c_api.so"});
  legacy.version = version_of(machine, legacy);
  legacy.release = release_of(legacy.version);
  legacy.has_plugin_list = machine.files.exists(legacy.library_folder + "/plugins.xml");
  legacy.ir_reader = find({"libopenvino_ir_frontend.so", "libinference_engine_ir_reader.so"});
  legacy.myriad_plugin = find({"libopenvino_intel_myriad_plugin.so", "libmyriadPlugin.so"});
  legacy.has_myriad_firmware = machine.files.exists(legacy.library_folder + "/usb-ma2x8x.mvcmd");
  legacy.hddl_plugin = find({"libopenvino_intel_hddl_plugin.so", "libHDDLPlugin.so"});
  legacy.dependency_script = dependency_script_of(machine, legacy.folder);
  return legacy;
}

std::string legacy_openvino_remedy() {
  return "export OPENVINO_LEGACY_DIR=/opt/intel/openvino_2022   # or --openvino_legacy_dir; unpacked archive of "
         "OpenVINO 2022.3 LTS, https://storage.openvinotoolkit.org/repositories/openvino/packages/2022.3/linux";
}

}  // namespace ocelli::inventory
