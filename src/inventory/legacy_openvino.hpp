// LegacyOpenvino: the installation of an older OpenVINO that the user named, for MYRIAD, HDDL and LEGACY devices.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "inventory/library_search.hpp"
#include "inventory/machine.hpp"

namespace ocelli::inventory {

// What lies in the folder of OPENVINO_LEGACY_DIR, which --openvino_legacy_dir sets too. Read, not loaded.
struct LegacyOpenvino {
  std::string folder;          // as the user named it; empty: none
  bool is_there = false;       // the folder exists
  std::string library_folder;  // with the libraries; empty: there are none
  FoundLibrary c_library;      // libopenvino_c.so
  FoundLibrary old_c_library;  // libinference_engine_c_api.so, the C library of releases before 2022
  std::string version;         // "2022.3.0-9052-9752fafe8eb-releases/2022/3"; empty: it does not say
  std::optional<std::pair<unsigned, unsigned>> release;  // {2022, 3}
  bool has_plugin_list = false;                          // plugins.xml beside the libraries
  FoundLibrary ir_reader;                                // the library that reads IR files
  FoundLibrary myriad_plugin;
  bool has_myriad_firmware = false;  // usb-ma2x8x.mvcmd beside the plugin
  FoundLibrary hddl_plugin;
  std::string dependency_script;  // the installation's own, which installs what it needs; empty: it has none

  // Has plugins for sticks and cards: up to 2022.3; true when the release is unknown.
  [[nodiscard]] bool may_drive_movidius() const noexcept { return !release || *release <= std::pair{2022U, 3U}; }
};

// What lies in the folder that machine names for the older OpenVINO; nothing is loaded.
LegacyOpenvino legacy_openvino(const Machine& machine);

// How to get the release that drives sticks and cards.
std::string legacy_openvino_remedy();

}  // namespace ocelli::inventory
