#include <fmt/format.h>

#include <string>

#include "inventory/checks/checks.hpp"
#include "inventory/legacy_openvino.hpp"
#include "inventory/remedy.hpp"

namespace ocelli::inventory {
namespace {

// What a library of the installation that is there but would not load needs.
std::string remedy_for(const LegacyOpenvino& legacy, const FoundLibrary& library) {
  if (library.problem.starts_with("is for ") || legacy.dependency_script.empty()) return legacy_openvino_remedy();
  return "sudo " + shell_word(legacy.dependency_script);
}

void check_library(const LegacyOpenvino& legacy, Section& section) {
  const auto& library = legacy.c_library;
  if (library.is_loadable()) {
    section.ok("library", library.path);
  } else if (!library.path.empty()) {
    section.problem("library", fmt::format("{} {}", library.path, library.problem), remedy_for(legacy, library));
  } else if (!legacy.old_c_library.path.empty()) {
    section.problem("library",
                    fmt::format("{} is the C library of releases before 2022.1, which is not used: libopenvino_c.so is "
                                "needed; 2022.3 drives the same sticks and cards",
                                legacy.old_c_library.path),
                    legacy_openvino_remedy());
  } else {
    section.problem("library",
                    fmt::format("no libopenvino_c.so in {}{}", legacy.folder,
                                legacy.library_folder.empty() ? ""
                                                              : ", only " + legacy.library_folder +
                                                                    "/libopenvino.so: its C library was left out"),
                    legacy_openvino_remedy());
  }
}

void check_version(const LegacyOpenvino& legacy, Section& section) {
  if (!legacy.release) {
    section.warning("version",
                    legacy.version.empty() ? "the installation does not say which release it is"
                                           : fmt::format("\"{}\" is no release", legacy.version),
                    legacy_openvino_remedy());
  } else if (!legacy.may_drive_movidius()) {
    section.warning("version",
                    fmt::format("{}: 2022.3 was the last release with plugins for MYRIAD and HDDL; this one serves "
                                "LEGACY devices only",
                                legacy.version),
                    legacy_openvino_remedy());
  } else if (*legacy.release < std::pair{2022U, 3U}) {
    section.problem("version", fmt::format("{} has not the whole C interface that is used; 2022.3 has", legacy.version),
                    legacy_openvino_remedy());
  } else {
    section.ok("version", legacy.version);
  }
}

void check_readers(const LegacyOpenvino& legacy, Section& section) {
  const auto& reader = legacy.ir_reader;
  if (reader.is_loadable()) {
    section.ok("reader", reader.path);
  } else if (reader.path.empty()) {
    section.problem("reader",
                    fmt::format("no libopenvino_ir_frontend.so in {}: no model can be read", legacy.library_folder),
                    legacy_openvino_remedy());
  } else {
    section.problem("reader", fmt::format("{} {}", reader.path, reader.problem), remedy_for(legacy, reader));
  }
  if (legacy.release && legacy.release->first < 2023 && !legacy.has_plugin_list) {
    section.problem("plugins",
                    fmt::format("no plugins.xml in {}: the library finds none of its devices", legacy.library_folder),
                    legacy_openvino_remedy());
  }
}

// One that is not there is a matter of the stick or card, which is told where that is.
void check_plugin(const char* check, const FoundLibrary& plugin, const LegacyOpenvino& legacy, Section& section) {
  if (plugin.path.empty()) {
    section.absent(check, fmt::format("{} has no such plugin", legacy.library_folder), legacy_openvino_remedy());
  } else if (plugin.is_loadable()) {
    section.ok(check, plugin.path);
  } else {
    section.problem(check, fmt::format("{} {}", plugin.path, plugin.problem), remedy_for(legacy, plugin));
  }
}

}  // namespace

void check_legacy_openvino(const Machine& machine, Findings& findings) {
  Section section(Area::kLegacyOpenvino, findings);
  const auto legacy = legacy_openvino(machine);
  if (legacy.folder.empty()) {
    section.absent("folder", "OPENVINO_LEGACY_DIR is not set: no MYRIAD, HDDL or LEGACY devices",
                   legacy_openvino_remedy());
    return;
  }
  if (!legacy.is_there) {
    section.problem("folder", fmt::format("{} is no folder", legacy.folder),
                    machine.either(container_with("-v " + shell_word(fmt::format("{0}:{0}:ro", legacy.folder))),
                                   legacy_openvino_remedy()));
    return;
  }
  section.ok("folder", legacy.folder);
  check_library(legacy, section);
  if (legacy.library_folder.empty()) return;
  check_version(legacy, section);
  if (legacy.c_library.path.empty()) return;
  check_readers(legacy, section);
  check_plugin("myriad_plugin", legacy.myriad_plugin, legacy, section);
  if (legacy.myriad_plugin.is_loadable() && !legacy.has_myriad_firmware) {
    section.problem("myriad_firmware",
                    fmt::format("no usb-ma2x8x.mvcmd in {}: sticks cannot be started", legacy.library_folder),
                    legacy_openvino_remedy());
  }
  check_plugin("hddl_plugin", legacy.hddl_plugin, legacy, section);
}

}  // namespace ocelli::inventory
