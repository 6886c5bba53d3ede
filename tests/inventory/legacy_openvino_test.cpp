// What the doctor says of the folder of an older OpenVINO, in the ways in which it may be incomplete.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "inventory/machine_tree.hpp"

namespace ocelli::inventory {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kLibraries = "/opt/openvino_2022/runtime/lib/intel64";

std::string in(const char* file) { return std::string(kLibraries) + "/" + file; }

// OpenVINO 2022.3 as its archive unpacks.
void make_archive(MachineTree& tree) {
  tree.process.environment["OPENVINO_LEGACY_DIR"] = "/opt/openvino_2022";
  tree.text("/opt/openvino_2022/runtime/version.txt", "2022.3.0-9052-9752fafe8eb-releases/2022/3\n");
  tree.library(in("libopenvino.so.2022.3.0"), {"libtbb.so.2"});
  tree.link(in("libopenvino.so.2230"), "libopenvino.so.2022.3.0");
  tree.link(in("libopenvino.so"), "libopenvino.so.2230");
  tree.library(in("libopenvino_c.so"), {"libopenvino.so.2230", "libstdc++.so.6"});
  tree.library(in("libopenvino_ir_frontend.so"), {"libopenvino.so.2230"});
  tree.library(in("libopenvino_intel_myriad_plugin.so"), {"libopenvino.so.2230", "libusb-1.0.so.0"});
  tree.library(in("libopenvino_intel_hddl_plugin.so"), {"libopenvino.so.2230", "libhddlapi.so"});
  tree.text(in("usb-ma2x8x.mvcmd"), "firmware");
  tree.text(in("plugins.xml"), "<ie/>");
  tree.library("/opt/openvino_2022/runtime/3rdparty/tbb/lib/libtbb.so.2");
  tree.library("/opt/openvino_2022/runtime/3rdparty/hddl/lib/libhddlapi.so");
  tree.text("/opt/openvino_2022/install_dependencies/install_openvino_dependencies.sh", "#!/bin/bash\n");
  tree.library("/usr/lib/x86_64-linux-gnu/libusb-1.0.so.0");
}

TEST(LegacyOpenvinoDoctor, WholeArchive) {
  MachineTree tree;
  make_archive(tree);
  const auto report = tree.examine("model-server");
  EXPECT_EQ(problems(report), "");
  EXPECT_EQ(line(report, "openvino_legacy.folder"), "ok: /opt/openvino_2022");
  EXPECT_EQ(line(report, "openvino_legacy.library"), "ok: " + in("libopenvino_c.so"));
  EXPECT_EQ(line(report, "openvino_legacy.version"), "ok: 2022.3.0-9052-9752fafe8eb-releases/2022/3");
  EXPECT_EQ(line(report, "openvino_legacy.reader"), "ok: " + in("libopenvino_ir_frontend.so"));
  EXPECT_EQ(line(report, "openvino_legacy.myriad_plugin"), "ok: " + in("libopenvino_intel_myriad_plugin.so"));
  EXPECT_EQ(line(report, "openvino_legacy.hddl_plugin"), "ok: " + in("libopenvino_intel_hddl_plugin.so"));
}

TEST(LegacyOpenvinoDoctor, NotNamedOrNotThere) {
  MachineTree tree;
  EXPECT_EQ(line(tree.examine(), "openvino_legacy.folder"),
            "absent: OPENVINO_LEGACY_DIR is not set: no MYRIAD, HDDL or LEGACY devices");
  tree.process.environment["OPENVINO_LEGACY_DIR"] = "/opt/typo/";
  EXPECT_THAT(line(tree.examine(), "openvino_legacy.folder"), StartsWith("problem: /opt/typo is no folder -> export "));
  tree.text("/.dockerenv", "");
  EXPECT_EQ(line(tree.examine(), "openvino_legacy.folder"),
            "problem: /opt/typo is no folder -> docker run -v /opt/typo:/opt/typo:ro IMAGE   # beside the options that "
            "the container has now; on the host");
  tree.folder("/opt/typo/docs");
  EXPECT_THAT(line(tree.examine(), "openvino_legacy.library"),
              StartsWith("problem: no libopenvino_c.so in /opt/typo -> "));
}

TEST(LegacyOpenvinoDoctor, WhatTheLibraryNeedsIsNotThere) {
  MachineTree tree;
  make_archive(tree);
  std::filesystem::remove_all(tree.root() / "opt/openvino_2022/runtime/3rdparty/tbb");
  EXPECT_EQ(line(tree.examine(), "openvino_legacy.library"),
            "problem: " + in("libopenvino_c.so") + " needs " + in("libopenvino.so.2230") +
                ", which needs libtbb.so.2, which is nowhere -> sudo "
                "/opt/openvino_2022/install_dependencies/install_openvino_dependencies.sh");
}

TEST(LegacyOpenvinoDoctor, ArchiveOfAnotherMachine) {
  MachineTree tree;
  make_archive(tree);
  tree.library(in("libopenvino_c.so"), {}, "aarch64");
  EXPECT_THAT(line(tree.examine(), "openvino_legacy.library"),
              AllOf(StartsWith("problem: "), HasSubstr("is for aarch64, this machine is x86_64 -> export ")));
}

TEST(LegacyOpenvinoDoctor, PluginOfTheStickIsIncomplete) {
  MachineTree tree;
  make_archive(tree);
  std::filesystem::remove(tree.root() / "usr/lib/x86_64-linux-gnu/libusb-1.0.so.0");
  EXPECT_EQ(line(tree.examine(), "openvino_legacy.myriad_plugin"),
            "problem: " + in("libopenvino_intel_myriad_plugin.so") +
                " needs libusb-1.0.so.0, which is nowhere -> sudo "
                "/opt/openvino_2022/install_dependencies/install_openvino_dependencies.sh");
  tree.library("/usr/lib/x86_64-linux-gnu/libusb-1.0.so.0");
  std::filesystem::remove(tree.root() / in("usb-ma2x8x.mvcmd").substr(1));
  EXPECT_THAT(line(tree.examine(), "openvino_legacy.myriad_firmware"), StartsWith("problem: no usb-ma2x8x.mvcmd in "));
  std::filesystem::remove(tree.root() / in("libopenvino_intel_myriad_plugin.so").substr(1));
  EXPECT_THAT(line(tree.examine(), "openvino_legacy.myriad_plugin"), StartsWith("absent: "));
}

TEST(LegacyOpenvinoDoctor, ReleasesThatDoNotDriveSticks) {
  MachineTree tree;
  // A Python package of today: the folder itself, a version behind the name, no version.txt.
  tree.process.environment["OPENVINO_LEGACY_DIR"] = "/venv/openvino";
  tree.library("/venv/openvino/libs/libopenvino_c.so.2460");
  tree.library("/venv/openvino/libs/libopenvino_ir_frontend.so.2460");
  tree.library("/venv/openvino/libs/libopenvino.so.2024.6.0");
  auto report = tree.examine();
  EXPECT_EQ(line(report, "openvino_legacy.library"), "ok: /venv/openvino/libs/libopenvino_c.so.2460");
  EXPECT_THAT(line(report, "openvino_legacy.version"),
              StartsWith("warning: 2024.6.0: 2022.3 was the last release with plugins for MYRIAD and HDDL; "));
  EXPECT_EQ(problems(report), "") << "it serves LEGACY.CPU";

  MachineTree old;
  old.process.environment["OPENVINO_LEGACY_DIR"] = "/opt/intel/openvino_2021";
  old.library("/opt/intel/openvino_2021/deployment_tools/inference_engine/lib/intel64/libinference_engine_c_api.so");
  old.text("/opt/intel/openvino_2021/deployment_tools/inference_engine/version.txt", "2021.4.2-3974\n");
  report = old.examine();
  EXPECT_THAT(line(report, "openvino_legacy.library"),
              HasSubstr("libinference_engine_c_api.so is the C library of releases before 2022.1, which is not used"));
  EXPECT_THAT(line(report, "openvino_legacy.version"),
              StartsWith("problem: 2021.4.2-3974 has not the whole C interface"));
}

TEST(LegacyOpenvinoDoctor, WhatElseAnArchiveMayLack) {
  MachineTree tree;
  make_archive(tree);
  std::filesystem::remove(tree.root() / in("plugins.xml").substr(1));
  std::filesystem::remove(tree.root() / in("libopenvino_ir_frontend.so").substr(1));
  tree.text("/opt/openvino_2022/runtime/version.txt", "custom build\n");
  const auto report = tree.examine();
  EXPECT_THAT(line(report, "openvino_legacy.reader"), StartsWith("problem: no libopenvino_ir_frontend.so in "));
  EXPECT_THAT(line(report, "openvino_legacy.version"), StartsWith("warning: \"custom build\" is no release -> "));
  tree.text("/opt/openvino_2022/runtime/version.txt", "2022.3.1\n");
  EXPECT_THAT(line(tree.examine(), "openvino_legacy.plugins"), StartsWith("problem: no plugins.xml in "));
  // Without the C library.
  std::filesystem::remove(tree.root() / in("libopenvino_c.so").substr(1));
  EXPECT_THAT(line(tree.examine(), "openvino_legacy.library"), HasSubstr("its C library was left out"));
}

TEST(LegacyOpenvinoDoctor, CardsNeedTheirOwnPlugin) {
  MachineTree tree;
  make_archive(tree);
  tree.node("/dev/ion");
  tree.node("/var/tmp/hddl_service.sock");
  EXPECT_EQ(problems(tree.examine("HDDL")), "");
  std::filesystem::remove(tree.root() / in("libopenvino_intel_hddl_plugin.so").substr(1));
  EXPECT_THAT(
      line(tree.examine("HDDL"), "hddl.openvino"),
      StartsWith("problem: OpenVINO 2022.3.0-9052-9752fafe8eb-releases/2022/3 in /opt/openvino_2022 has no plugin for "
                 "cards -> export"));
}

}  // namespace
}  // namespace ocelli::inventory
