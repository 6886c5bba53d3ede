#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "inventory/machine_tree.hpp"

namespace ocelli::inventory {
namespace {

// An RK3588 board: Mali-G610, which has a command stream frontend and so needs firmware.
void make_board(MachineTree& tree) {
  tree.process.architecture = "aarch64";
  tree.text(
      "/proc/cpuinfo",
      "processor\t: 0\nFeatures\t: fp asimd aes fphp asimdhp asimddp\nCPU implementer\t: 0x41\nCPU part\t: 0xd0b\n");
  tree.text("/proc/device-tree/model", std::string("Radxa ROCK 5B\0", 14));
  tree.text("/proc/device-tree/compatible", std::string("radxa,rock-5b\0rockchip,rk3588\0", 30));
  tree.text("/proc/device-tree/gpu@fb000000/compatible", std::string("arm,mali-valhall-csf\0", 21));
  tree.node("/dev/mali0");
  tree.library("/usr/lib/libmali.so", {}, "aarch64");
  tree.library("/usr/lib/aarch64-linux-gnu/libarmnn.so.30", {}, "aarch64");
  tree.text("/lib/firmware/mali_csffw.bin", "firmware");
}

TEST(BoardDoctor, HealthyMali) {
  MachineTree tree;
  make_board(tree);
  const auto report = tree.examine("immich,armnn");
  EXPECT_EQ(problems(report), "");
  EXPECT_EQ(line(report, "mali.device"), "ok: arm,mali-valhall-csf");
  EXPECT_THAT(line(report, "mali.node"), testing::StartsWith("ok: /dev/mali0 belongs to "));
  EXPECT_EQ(line(report, "mali.libmali"), "ok: /usr/lib/libmali.so");
  EXPECT_EQ(line(report, "mali.firmware"), "ok: /lib/firmware/mali_csffw.bin");
  EXPECT_EQ(line(report, "mali.armnn"), "ok: /usr/lib/aarch64-linux-gnu/libarmnn.so.30");
  EXPECT_EQ(line(report, "cpu.model"), "ok: Radxa ROCK 5B (Cortex-A76), 1 processor");
  EXPECT_EQ(line(report, "cpu.instructions"), "ok: NEON dotprod FP16");
  EXPECT_EQ(line(report, "rockchip.device"),
            "warning: rk3588: no backend runs .rknn models; its Mali GPU and CPU can be used -> ocelli devices   # "
            "what models can run on here");
}

// Debian's libarmnn comes without it, and then ARM NN has no device for the GPU.
TEST(BoardDoctor, ArmNnWithoutItsGpuBackend) {
  MachineTree tree;
  make_board(tree);
  std::filesystem::remove(tree.root() / "usr/lib/aarch64-linux-gnu/libarmnn.so.30");
  EXPECT_EQ(line(tree.examine(), "mali.armnn"),
            "problem: ARM NN (libarmnn.so) is not installed -> sudo apt-get install -y libarmnn-dev "
            "'libarmnn-*-backend*'");
  tree.library("/usr/lib/aarch64-linux-gnu/libarmnn.so.22.0", {}, "aarch64");
  EXPECT_EQ(line(tree.examine(), "mali.backend"), "nothing") << "somebody's own build has it in the library";
  tree.text("/var/lib/dpkg/info/libarmnn22:arm64.list", "/usr/lib/aarch64-linux-gnu/libarmnn.so.22\n");
  const std::string missing =
      "problem: ARM NN's backend GpuAcc is not installed: no module for it in /usr/lib/aarch64-linux-gnu/armnn22 -> "
      "sudo apt-get install -y libarmnn-gpuacc-backend22";
  EXPECT_EQ(line(tree.examine(), "mali.backend"), missing);
  tree.library("/usr/lib/aarch64-linux-gnu/armnn22/Arm_CpuAcc_backend.so", {}, "aarch64");
  EXPECT_EQ(line(tree.examine(), "mali.backend"), missing);
  tree.library("/usr/lib/aarch64-linux-gnu/armnn22/Arm_GpuAcc_backend.so", {}, "aarch64");
  const auto report = tree.examine("MALI");
  EXPECT_EQ(problems(report), "");
  EXPECT_EQ(line(report, "mali.backend"), "ok: /usr/lib/aarch64-linux-gnu/armnn22/Arm_GpuAcc_backend.so");
  tree.process.environment["ARMNN_BACKEND_DIR"] = "/opt/armnn";
  EXPECT_THAT(line(tree.examine(), "mali.backend"), testing::HasSubstr("no module for it in /opt/armnn -> "));
}

TEST(BoardDoctor, MaliWithoutFirmware) {
  MachineTree tree;
  make_board(tree);
  std::filesystem::remove(tree.root() / "lib/firmware/mali_csffw.bin");
  EXPECT_EQ(line(tree.examine(), "mali.firmware"),
            "problem: /lib/firmware/mali_csffw.bin is not there, and this GPU does not start without it -> sudo cp "
            "mali_csffw.bin /lib/firmware/ && sudo reboot   # the file comes with the board vendor's libmali");
  tree.text("/.dockerenv", "");
  EXPECT_EQ(line(tree.examine(), "mali.firmware"),
            "problem: /lib/firmware/mali_csffw.bin is not there, and this GPU does not start without it -> docker "
            "run -v /lib/firmware/mali_csffw.bin:/lib/firmware/mali_csffw.bin:ro IMAGE   # beside the options that the "
            "container has now; on the host");
  // An older GPU needs none.
  tree.text("/proc/device-tree/compatible", "hardkernel,odroid-n2");
  tree.text("/proc/device-tree/gpu@fb000000/compatible", "arm,mali-bifrost");
  EXPECT_EQ(line(tree.examine(), "mali.firmware"),
            "absent: /lib/firmware/mali_csffw.bin is not there; GPUs before Mali-G310 need none");
}

TEST(BoardDoctor, WhatDockerMakesOfMissingMounts) {
  MachineTree tree;
  make_board(tree);
  tree.text("/.dockerenv", "");
  for (const char* path : {"dev/mali0", "usr/lib/libmali.so", "lib/firmware/mali_csffw.bin"}) {
    std::filesystem::remove(tree.root() / path);
    tree.folder(std::string("/") + path);
  }
  const auto report = tree.examine();
  EXPECT_EQ(problems(report), "mali.node mali.libmali mali.firmware");
  EXPECT_EQ(
      line(report, "mali.libmali"),
      "problem: /usr/lib/libmali.so is a folder; Docker makes one when the file to be mounted is not there on the "
      "host; the board's vendor has one for a 64-bit system -> docker run -v "
      "/usr/lib/libmali.so:/usr/lib/libmali.so:ro IMAGE   # beside the options that the container has now; on the "
      "host");
  // In the container the folder is the host's: nothing is to be removed.
  EXPECT_EQ(line(report, "mali.firmware"),
            "problem: /lib/firmware/mali_csffw.bin is a folder; Docker makes one when the file to be mounted is not "
            "there on the host -> docker run -v /lib/firmware/mali_csffw.bin:/lib/firmware/mali_csffw.bin:ro IMAGE   # "
            "beside the options that the container has now; on the host; once the host has the file");
  std::filesystem::remove(tree.root() / ".dockerenv");
  EXPECT_THAT(
      line(tree.examine(), "mali.firmware"),
      testing::HasSubstr("-> sudo rmdir /lib/firmware/mali_csffw.bin && sudo cp mali_csffw.bin /lib/firmware/"));
  EXPECT_THAT(line(tree.examine(), "mali.node"), testing::HasSubstr("-> sudo rmdir /dev/mali0 && sudo modprobe"));
}

TEST(BoardDoctor, LibmaliElsewhereOr32Bit) {
  MachineTree tree;
  make_board(tree);
  std::filesystem::remove(tree.root() / "usr/lib/libmali.so");
  EXPECT_THAT(line(tree.examine(), "mali.libmali"),
              testing::StartsWith("problem: libmali.so is nowhere; it comes from the board's vendor -> sudo find / "));
  tree.library("/usr/lib/aarch64-linux-gnu/libmali.so", {}, "aarch64");
  EXPECT_EQ(line(tree.examine(), "mali.libmali"),
            "warning: /usr/lib/aarch64-linux-gnu/libmali.so; hwaccel.ml.yml expects /usr/lib/libmali.so -> sudo ln -s "
            "/usr/lib/aarch64-linux-gnu/libmali.so /usr/lib/libmali.so");
  auto narrow = elf_library_bytes("aarch64", {});
  narrow[EI_CLASS] = ELFCLASS32;
  tree.text("/usr/lib/libmali.so", narrow);
  EXPECT_THAT(line(tree.examine(), "mali.libmali"),
              testing::StartsWith("problem: /usr/lib/libmali.so is not a 64-bit library; the board's vendor has one"));
}

TEST(BoardDoctor, OpenDriverHasTheGpu) {
  MachineTree tree;
  make_board(tree);
  std::filesystem::remove(tree.root() / "dev/mali0");
  tree.link("/sys/bus/platform/drivers/panthor/fb000000.gpu", "../../../../devices/platform/fb000000.gpu");
  EXPECT_EQ(line(tree.examine(), "mali.node"),
            "problem: no /dev/mali0: the open driver panthor has the GPU, which ARM NN cannot use; the kernel of the "
            "board vendor's Linux image has the driver mali (kbase)");
}

// It has no OpenCL, whatever is installed.
TEST(BoardDoctor, UtgardCannotBeUsed) {
  MachineTree tree;
  make_board(tree);
  tree.text("/proc/device-tree/compatible", "allwinner,sun50i-a64");
  std::filesystem::remove_all(tree.root() / "proc/device-tree/gpu@fb000000");
  tree.text("/proc/device-tree/soc/gpu@1c40000/compatible",
            std::string("allwinner,sun50i-a64-mali\0arm,mali-400\0", 39));
  const auto report = tree.examine("immich");
  EXPECT_EQ(line(report, "mali.device"),
            "warning: arm,mali-400: this GPU (Utgard) has no OpenCL, so that ARM NN cannot use it; models run on the "
            "CPU -> ocelli devices   # what models can run on here");
  EXPECT_EQ(line(report, "mali.libmali"), "nothing");
  EXPECT_THAT(line(report, "cpu.accelerator"), testing::StartsWith("warning: no accelerator that immich can use"));
  EXPECT_EQ(problems(tree.examine("immich,armnn")), "mali.device");
}

// ARM NN on the processor needs no Mali.
TEST(BoardDoctor, ArmNnOnTheProcessor) {
  MachineTree tree;
  EXPECT_EQ(line(tree.examine("ARMNN.CpuRef"), "armnn_cpu.device"),
            "problem: not present: ARM NN (libarmnn.so) is not installed -> sudo apt-get install -y libarmnn-dev "
            "'libarmnn-*-backend*'");
  tree.library("/usr/lib/x86_64-linux-gnu/libarmnn.so.22.0");
  tree.library("/usr/lib/x86_64-linux-gnu/armnn22/Arm_CpuRef_backend.so");
  auto report = tree.examine("ARMNN.CpuRef");
  EXPECT_EQ(problems(report), "");
  EXPECT_EQ(line(report, "armnn_cpu.cpu_ref"), "ok: /usr/lib/x86_64-linux-gnu/armnn22/Arm_CpuRef_backend.so");
  EXPECT_EQ(line(report, "mali.device"), "nothing");
  EXPECT_EQ(problems(tree.examine("ARMNN.GpuAcc")), "mali.device");
  EXPECT_THAT(line(tree.examine("ARMNN.CpuAcc"), "armnn_cpu.cpu_acc"),
              testing::StartsWith("problem: ARM NN's backend CpuAcc exists for Arm processors only; no command"));

  MachineTree board;
  make_board(board);
  EXPECT_EQ(problems(board.examine("ARMNN.CpuAcc")), "");
  board.library("/usr/lib/aarch64-linux-gnu/armnn30/Arm_CpuRef_backend.so", {}, "aarch64");
  EXPECT_THAT(line(board.examine("ARMNN.CpuAcc"), "armnn_cpu.cpu_acc"),
              testing::HasSubstr("-> sudo apt-get install -y libarmnn-cpuacc-backend30"));
}

// Hardware that was asked for by name and that no backend runs on is no success.
TEST(BoardDoctor, HardwareByNameThatNoBackendRunsOn) {
  MachineTree tree;
  tree.pci("0000:03:00.0", "1002:744c", "030000", "amdgpu");
  EXPECT_EQ(problems(tree.examine("immich")), "");
  EXPECT_EQ(problems(tree.examine("immich,rocm")), "amd.device");
  MachineTree board;
  make_board(board);
  EXPECT_EQ(problems(board.examine("rknn")), "rockchip.device");
  EXPECT_THAT(line(board.examine("rknn"), "rockchip.device"), testing::HasSubstr("no backend runs .rknn models"));
}

TEST(BoardDoctor, RockchipDriverTooOld) {
  MachineTree tree;
  make_board(tree);
  tree.text("/sys/kernel/debug/rknpu/version", "RKNPU driver: v0.8.2\n");
  EXPECT_THAT(line(tree.examine(), "rockchip.driver"),
              testing::StartsWith("warning: RKNPU driver 0.8.2 is older than 0.9.8"));
  tree.text("/sys/kernel/debug/rknpu/version", "RKNPU driver: v0.9.8\n");
  EXPECT_EQ(line(tree.examine(), "rockchip.driver"), "ok: RKNPU driver 0.9.8");
}

void make_stick(MachineTree& tree, ::mode_t mode) {
  tree.text("/sys/bus/usb/devices/1-4/idVendor", "03e7\n");
  tree.text("/sys/bus/usb/devices/1-4/idProduct", "2485\n");
  tree.text("/sys/bus/usb/devices/1-4/busnum", "1\n");
  tree.text("/sys/bus/usb/devices/1-4/devnum", "7\n");
  tree.text("/sys/bus/usb/devices/1-4:1.0/bInterfaceClass", "ff\n");
  tree.node("/dev/bus/usb/001/007", mode);
}

TEST(BoardDoctor, StickWithoutUdevRule) {
  MachineTree tree;
  make_stick(tree, 0640);
  auto report = tree.examine("MYRIAD");
  EXPECT_EQ(line(report, "myriad.device"), "ok: one stick on the USB bus (03e7:2485)");
  EXPECT_EQ(problems(report), "myriad.node myriad.udev_rule");
  EXPECT_EQ(line(report, "myriad.udev_rule"),
            "problem: no udev rule names 03e7: only root can use the stick -> echo 'SUBSYSTEM==\"usb\", "
            "ATTRS{idVendor}==\"03e7\", MODE=\"0666\", ENV{ID_MM_DEVICE_IGNORE}=\"1\"' | sudo tee "
            "/etc/udev/rules.d/97-myriad-usbboot.rules && sudo udevadm control --reload && sudo udevadm trigger");
  make_stick(tree, 0666);
  tree.text("/etc/udev/rules.d/97-myriad-usbboot.rules",
            "SUBSYSTEM==\"usb\", ATTRS{idVendor}==\"03e7\", MODE=\"0666\"\n");
  report = tree.examine("MYRIAD");
  EXPECT_EQ(problems(report), "");
  EXPECT_EQ(line(report, "myriad.udev_rule"), "ok: /etc/udev/rules.d/97-myriad-usbboot.rules");
}

TEST(BoardDoctor, StickNeedsAnOlderOpenvino) {
  MachineTree tree;
  make_stick(tree, 0666);
  EXPECT_THAT(line(tree.examine(), "myriad.openvino"), testing::StartsWith("warning: OPENVINO_LEGACY_DIR is not set"));
  tree.process.environment["OPENVINO_LEGACY_DIR"] = "/opt/openvino_2022";
  EXPECT_THAT(line(tree.examine(), "myriad.openvino"),
              testing::StartsWith("problem: no libopenvino_c.so in OPENVINO_LEGACY_DIR=/opt/openvino_2022 -> export"));
  tree.library("/opt/openvino_2022/runtime/lib/intel64/libopenvino_c.so");
  EXPECT_THAT(line(tree.examine(), "myriad.openvino"),
              testing::StartsWith("problem: OpenVINO in /opt/openvino_2022 has no plugin for sticks -> export"));
  tree.library("/opt/openvino_2022/runtime/lib/intel64/libopenvino_intel_myriad_plugin.so");
  EXPECT_EQ(line(tree.examine(), "myriad.openvino"), "ok: /opt/openvino_2022/runtime/lib/intel64/libopenvino_c.so");
}

TEST(BoardDoctor, StickNotHandedToTheContainer) {
  MachineTree tree;
  make_stick(tree, 0666);
  std::filesystem::remove_all(tree.root() / "dev/bus");
  tree.text("/run/.containerenv", "");
  EXPECT_EQ(line(tree.examine(), "myriad.node"),
            "problem: the stick is on the bus, but /dev/bus/usb/001/007 is not there -> docker run "
            "--device-cgroup-rule='c 189:* rmw' -v /dev/bus/usb:/dev/bus/usb IMAGE   # beside the options that the "
            "container has now; on the host");
}

TEST(BoardDoctor, HddlWithoutDaemon) {
  MachineTree tree;
  tree.node("/dev/ion");
  EXPECT_EQ(line(tree.examine("HDDL"), "hddl.daemon"),
            "problem: hddldaemon does not run: no socket hddl*.sock in /var/tmp -> source "
            "/opt/intel/openvino_2022/setupvars.sh && ${HDDL_INSTALL_DIR}/bin/hddldaemon &");
  tree.text("/proc/4711/comm", "hddldaemon\n");
  EXPECT_THAT(line(tree.examine("HDDL"), "hddl.daemon"),
              testing::StartsWith("problem: hddldaemon runs, but has no socket in /var/tmp"));
  tree.node("/var/tmp/hddl_service.sock");
  EXPECT_EQ(problems(tree.examine("HDDL")), "");
  EXPECT_EQ(line(tree.examine("HDDL"), "hddl.daemon"), "ok: /var/tmp/hddl_service.sock");
}

TEST(BoardDoctor, AmdIsSaidToBeUnused) {
  MachineTree tree;
  tree.pci("0000:03:00.0", "1002:744c", "030000", "amdgpu");
  tree.node("/dev/kfd", 0660);
  const auto report = tree.examine();
  EXPECT_EQ(problems(report), "");
  EXPECT_EQ(
      line(report, "amd.device"),
      "warning: 0000:03:00.0 (1002:744c): no backend runs on AMD GPUs; models run on the CPU or another device -> "
      "ocelli devices   # what models can run on here");
  EXPECT_THAT(line(report, "amd.kfd"), testing::StartsWith("warning: /dev/kfd belongs to "));
}

TEST(BoardDoctor, AcceleratorsOfOthersAreNamed) {
  MachineTree tree;
  tree.pci("0000:04:00.0", "1e60:2864", "120000", "hailo");
  EXPECT_THAT(line(tree.examine(), "others.device"),
              testing::StartsWith("warning: Hailo accelerator at 0000:04:00.0: no backend runs on it"));
  EXPECT_THAT(line(tree.examine(), "intel_npu.device"), testing::StartsWith("absent: "));
}

// AMD's NPU and Rockchip's, with the kernel's own driver, make the same nodes as Intel's.
TEST(BoardDoctor, NpusOfOthersAreNotTakenForIntels) {
  MachineTree tree;
  tree.node("/dev/accel/accel0");
  EXPECT_THAT(line(tree.examine(), "intel_npu.device"), testing::StartsWith("ok: a node in /dev/accel"))
      << "nobody says whose it is";
  tree.text("/sys/class/accel/accel0/device/vendor", "0x1022\n");
  tree.link("/sys/class/accel/accel0/device/driver", "../../../../bus/pci/drivers/amdxdna");
  auto report = tree.examine();
  EXPECT_EQ(line(report, "intel_npu.device"),
            "absent: not present: no Intel accelerator on the PCI bus, none in /dev/accel");
  EXPECT_EQ(line(report, "others.device"),
            "warning: /dev/accel/accel0 with driver amdxdna: no backend runs on it; models run on the CPU or another "
            "device -> ocelli devices   # what models can run on here");

  MachineTree board;
  make_board(board);
  board.node("/dev/accel/accel0");
  board.link("/sys/class/accel/accel0/device/driver", "../../../../bus/platform/drivers/rocket");
  report = board.examine();
  EXPECT_EQ(problems(report), "");
  EXPECT_THAT(line(report, "intel_npu.device"), testing::StartsWith("absent: "));
  EXPECT_THAT(line(report, "others.device"), testing::StartsWith("absent: ")) << "check_rockchip() tells of it";
}

}  // namespace
}  // namespace ocelli::inventory
