#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "inventory/machine_tree.hpp"

namespace ocelli::inventory {
namespace {

// An Intel GPU with its node, which only its group may open, and the compute runtime.
void make_intel_gpu(MachineTree& tree) {
  tree.pci("0000:00:02.0", "8086:56a0", "030000", "i915");
  tree.text("/sys/class/drm/renderD128/device/vendor", "0x8086\n");
  tree.node("/dev/dri/renderD128", 0660);
  tree.text("/etc/OpenCL/vendors/intel.icd", "/usr/lib/x86_64-linux-gnu/intel-opencl/libigdrcl.so\n");
  tree.library("/usr/lib/x86_64-linux-gnu/intel-opencl/libigdrcl.so");
  tree.library("/usr/lib/x86_64-linux-gnu/libOpenCL.so.1");
}

std::string owner() { return ::geteuid() == 0 ? "root" : std::to_string(::geteuid()); }

TEST(IntelDoctor, HealthyGpu) {
  MachineTree tree;
  make_intel_gpu(tree);
  tree.join_group();
  const auto report = tree.examine();
  EXPECT_EQ(problems(report), "");
  EXPECT_EQ(line(report, "intel_gpu.device"), "ok: 0000:00:02.0 (8086:56a0) with driver i915");
  EXPECT_EQ(line(report, "intel_gpu.opencl"), "ok: /usr/lib/x86_64-linux-gnu/intel-opencl/libigdrcl.so");
  EXPECT_EQ(line(report, "intel_gpu.level_zero"), "absent: Level Zero is not installed; OpenVINO uses OpenCL");
}

TEST(IntelDoctor, UserNotInTheRenderGroup) {
  MachineTree tree;
  make_intel_gpu(tree);
  if (::getegid() == 0) tree.text("/etc/group", "render:x:0:\n");  // the tree's files belong to group 0 here
  const auto report = tree.examine();
  EXPECT_EQ(problems(report), "intel_gpu.nodes");
  const auto found = line(report, "intel_gpu.nodes");
  EXPECT_THAT(found, testing::StartsWith("problem: /dev/dri/renderD128 belongs to " + owner() +
                                         ":render (rw-rw----), user immich is not in group render -> "));
  EXPECT_THAT(found, testing::HasSubstr("sudo usermod -aG render immich"));
}

TEST(IntelDoctor, RenderGroupMissing) {
  MachineTree tree;
  make_intel_gpu(tree);
  tree.text("/etc/group", "nobody:x:65533:\n");
  const std::string gid = std::to_string(::getegid());
  const auto found = line(tree.examine(), "intel_gpu.nodes");
  EXPECT_THAT(found, testing::HasSubstr("belongs to " + owner() + ":" + gid + " (rw-rw----), group " + gid +
                                        " has no name on this machine -> "));
  EXPECT_THAT(found, testing::HasSubstr("sudo groupadd "));
  EXPECT_THAT(found, testing::HasSubstr("sudo usermod -aG render immich"));
}

TEST(IntelDoctor, NodeOfRootAloneGetsAUdevRule) {
  MachineTree tree;
  make_intel_gpu(tree);
  tree.node("/dev/dri/renderD128", 0600);
  EXPECT_THAT(line(tree.examine(), "intel_gpu.nodes"),
              testing::HasSubstr("echo 'SUBSYSTEM==\"drm\", GROUP=\"render\", MODE=\"0660\"' | sudo tee "
                                 "/etc/udev/rules.d/70-ocelli-drm.rules && sudo udevadm control --reload"));
  tree.process.user = {"root", 0, {0}};
  EXPECT_THAT(line(tree.examine(), "intel_gpu.nodes"), testing::StartsWith("ok: "));
}

TEST(IntelDoctor, ContainerWithoutDri) {
  MachineTree tree;
  make_intel_gpu(tree);
  std::filesystem::remove_all(tree.root() / "dev/dri");
  tree.text("/proc/1/cgroup", "0::/docker/0123\n");
  EXPECT_EQ(line(tree.examine(), "intel_gpu.nodes"),
            "problem: no node /dev/dri/renderD* for it; its driver is loaded -> docker run --device "
            "/dev/dri --group-add $(stat -c %g /dev/dri/render* | head -n 1) IMAGE   # beside the options that the "
            "container has now; on the host");
}

TEST(IntelDoctor, ComputeRuntimeMissingOrBroken) {
  MachineTree tree;
  make_intel_gpu(tree);
  tree.join_group();
  std::filesystem::remove(tree.root() / "usr/lib/x86_64-linux-gnu/libOpenCL.so.1");
  EXPECT_EQ(line(tree.examine(), "intel_gpu.opencl"),
            "problem: the OpenCL loader libOpenCL.so.1 is not there -> sudo apt-get install -y ocl-icd-libopencl1");
  tree.library("/usr/lib/x86_64-linux-gnu/intel-opencl/libigdrcl.so", {"libigdgmm.so.12"});
  EXPECT_THAT(line(tree.examine(), "intel_gpu.opencl"),
              testing::StartsWith("problem: /usr/lib/x86_64-linux-gnu/intel-opencl/libigdrcl.so needs libigdgmm.so.12, "
                                  "which is nowhere -> sudo apt-get install -y intel-opencl-icd"));
  std::filesystem::remove_all(tree.root() / "etc/OpenCL");
  EXPECT_THAT(
      line(tree.examine(), "intel_gpu.opencl"),
      testing::StartsWith("problem: no Intel OpenCL driver in /etc/OpenCL/vendors: OpenVINO does not see the GPU"));
}

TEST(IntelDoctor, AnotherVendorsNodeIsNotTaken) {
  MachineTree tree;
  tree.text("/sys/class/drm/renderD128/device/vendor", "0x10de\n");
  tree.node("/dev/dri/renderD128");
  EXPECT_EQ(line(tree.examine(), "intel_gpu.device"),
            "absent: not present: no Intel display controller on the PCI bus, no render node");
}

TEST(IntelDoctor, Npu) {
  MachineTree tree;
  tree.pci("0000:00:0b.0", "8086:7d1d", "120000", "intel_vpu");
  auto report = tree.examine();
  EXPECT_EQ(line(report, "intel_npu.device"), "ok: 0000:00:0b.0 (8086:7d1d) with driver intel_vpu");
  EXPECT_EQ(problems(report), "intel_npu.nodes intel_npu.library");
  EXPECT_THAT(line(report, "intel_npu.nodes"),
              testing::StartsWith("problem: no node /dev/accel/accel* -> sudo modprobe"));

  tree.node("/dev/accel/accel0");
  tree.text("/lib/firmware/intel/vpu/vpu_37xx_v1.bin", "firmware");
  tree.library("/usr/lib/x86_64-linux-gnu/libze_loader.so.1");
  tree.library("/usr/lib/x86_64-linux-gnu/libze_intel_npu.so.1");
  report = tree.examine();
  EXPECT_EQ(problems(report), "");
  EXPECT_EQ(line(report, "intel_npu.firmware"), "ok: /lib/firmware/intel/vpu/vpu_37xx_v1.bin");
  EXPECT_EQ(line(report, "intel_npu.library"), "ok: /usr/lib/x86_64-linux-gnu/libze_intel_npu.so.1");
}

TEST(IntelDoctor, Wsl2) {
  MachineTree tree;
  tree.text("/proc/sys/kernel/osrelease", "5.15.153.1-microsoft-standard-WSL2\n");
  auto report = tree.examine();
  EXPECT_EQ(line(report, "wsl.device"), "ok: 5.15.153.1-microsoft-standard-WSL2");
  EXPECT_EQ(problems(report), "wsl.dxg wsl.libraries");
  // Who asks for a GPU there is told how it gets in.
  report = tree.examine("GPU");
  EXPECT_EQ(problems(report), "intel_gpu.device wsl.dxg wsl.libraries");
  EXPECT_THAT(line(report, "intel_gpu.device"),
              testing::StartsWith("problem: not present: under WSL2 Intel's GPU is reached by /dev/dxg and the "
                                  "libraries in /usr/lib/wsl, and there is no /dev/dxg -> wsl.exe --update"));
  EXPECT_THAT(line(tree.examine("CUDA"), "nvidia.device"),
              testing::HasSubstr("by /dev/dxg and /usr/lib/wsl/lib/libcuda.so.1, which is not there -> wsl.exe"));
  EXPECT_THAT(
      line(report, "wsl.dxg"),
      testing::StartsWith("problem: no /dev/dxg: Windows offers no GPU -> wsl.exe --update && wsl.exe --shutdown"));

  tree.text("/.dockerenv", "");
  EXPECT_EQ(line(tree.examine(), "wsl.dxg"),
            "problem: no /dev/dxg: Windows offers no GPU -> docker run --device /dev/dxg --volume "
            "/usr/lib/wsl:/usr/lib/wsl IMAGE   # beside the options that the container has now; on the host");
  std::filesystem::remove(tree.root() / ".dockerenv");

  tree.node("/dev/dxg");
  tree.library("/usr/lib/wsl/lib/libdxcore.so");
  tree.text("/etc/ld.so.conf", "/usr/lib/wsl/lib\n");
  tree.text("/etc/OpenCL/vendors/intel.icd", "libigdrcl.so\n");
  tree.library("/usr/lib/x86_64-linux-gnu/libigdrcl.so");
  tree.library("/usr/lib/x86_64-linux-gnu/libOpenCL.so.1");
  report = tree.examine("openvino-wsl");
  EXPECT_EQ(problems(report), "");
  EXPECT_EQ(line(report, "intel_gpu.device"), "ok: by /dev/dxg of Windows");
  EXPECT_EQ(line(report, "wsl.libraries"), "ok: /usr/lib/wsl/lib/libdxcore.so");
}

TEST(IntelDoctor, NvidiaUnderWsl2NeedsNoLinuxDriver) {
  MachineTree tree;
  tree.text("/proc/sys/kernel/osrelease", "5.15.153.1-microsoft-standard-WSL2\n");
  tree.node("/dev/dxg");
  tree.library("/usr/lib/wsl/lib/libdxcore.so");
  tree.library("/usr/lib/wsl/lib/libcuda.so.1");
  tree.text("/etc/ld.so.conf", "/usr/lib/wsl/lib\n");
  const auto report = tree.examine();
  EXPECT_EQ(line(report, "nvidia.device"), "ok: a GPU of Windows");
  EXPECT_EQ(line(report, "nvidia.libcuda"), "ok: /usr/lib/wsl/lib/libcuda.so.1");
  EXPECT_EQ(line(report, "nvidia.driver"), "nothing");
  EXPECT_EQ(line(report, "nvidia.nodes"), "nothing");
}

}  // namespace
}  // namespace ocelli::inventory
