#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "inventory/compute_capability.hpp"
#include "inventory/machine_tree.hpp"

namespace ocelli::inventory {
namespace {

constexpr const char* kInstall =
    "wget https://developer.download.nvidia.com/compute/cuda/repos/debian12/x86_64/cuda-keyring_1.1-1_all.deb && sudo "
    "dpkg "
    "-i cuda-keyring_1.1-1_all.deb && sudo apt-get update && sudo apt-get install -y cuda-drivers && sudo reboot";
constexpr const char* kPackages = "/opt/venv/site-packages";

// A card, its driver of this version, its nodes, and ONNX Runtime's GPU wheel for CUDA 13 with all that it needs.
void make_nvidia(MachineTree& tree, const std::string& driver = "580.65.06") {
  tree.pci("0000:01:00.0", "10de:2684", "030000", "nvidia");
  tree.text("/proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  " + driver +
                                               "  Release Build  (dvs-builder)\nGCC version:  gcc version 12.2.0\n");
  tree.text("/proc/driver/nvidia/gpus/0000:01:00.0/information",
            "Model: \t\t NVIDIA GeForce RTX 4090\nIRQ:   \t\t 130\nDevice Minor: \t 0\n");
  for (const char* path : {"/dev/nvidia0", "/dev/nvidiactl", "/dev/nvidia-uvm"}) tree.node(path);
  tree.library("/usr/lib/x86_64-linux-gnu/libcuda.so." + driver);
  tree.link("/usr/lib/x86_64-linux-gnu/libcuda.so.1", "libcuda.so." + driver);
  const std::string packages = kPackages;
  tree.process.onnxruntime_folder = packages + "/onnxruntime/capi";
  tree.library(packages + "/onnxruntime/capi/libonnxruntime_providers_cuda.so",
               {"libcublas.so.13", "libcudart.so.13", "libcudnn.so.9", "libstdc++.so.6"});
  tree.library(packages + "/onnxruntime/capi/libonnxruntime_providers_tensorrt.so", {"libnvinfer.so.10"});
  tree.library(packages + "/nvidia/cu13/lib/libcudart.so.13");
  tree.library(packages + "/nvidia/cu13/lib/libcublas.so.13");
  tree.library(packages + "/nvidia/cudnn/lib/libcudnn.so.9");
  tree.library(packages + "/tensorrt_libs/libnvinfer.so.10");
}

TEST(NvidiaDoctor, HealthyMachine) {
  MachineTree tree;
  make_nvidia(tree);
  const auto report = tree.examine();
  EXPECT_EQ(problems(report), "");
  EXPECT_EQ(line(report, "nvidia.device"), "ok: NVIDIA GeForce RTX 4090");
  EXPECT_EQ(problems(tree.examine("NVIDIA.0,TENSORRT")), "");
  EXPECT_EQ(line(tree.examine("face,NVIDIA.1"), "nvidia.index"),
            "problem: device 1 is asked for, but there is only 1, counted from 0 -> ocelli devices");
  EXPECT_EQ(line(report, "nvidia.driver"), "ok: driver 580.65.06 (CUDA 13 needs 580 or newer)");
  EXPECT_EQ(line(report, "nvidia.nodes"), "ok: /dev/nvidia0, /dev/nvidiactl, /dev/nvidia-uvm");
  EXPECT_EQ(line(report, "nvidia.libcuda"), "ok: /usr/lib/x86_64-linux-gnu/libcuda.so.1");
  EXPECT_EQ(line(report, "nvidia.cuda"), "ok: CUDA provider with libcublas.so.13, libcudart.so.13, libcudnn.so.9");
  EXPECT_EQ(line(report, "nvidia.tensorrt"), "ok: TensorRT provider with libnvinfer.so.10");
  EXPECT_EQ(line(report, "nvidia.visible_devices"), "ok: CUDA_VISIBLE_DEVICES is not set: every GPU is visible");
  EXPECT_EQ(line(report, "nvidia.jit_cache"), "ok: CUDA_CACHE_MAXSIZE is not set: the driver's default, 1 GiB, holds");
  EXPECT_EQ(line(report, "amd.device"), "absent: not present: no AMD GPU on the PCI bus, no /dev/kfd");
}

TEST(NvidiaDoctor, DriverTooOldForTheCudaOfOurLibrary) {
  MachineTree tree;
  make_nvidia(tree, "535.183.01");
  EXPECT_EQ(line(tree.examine(), "nvidia.driver"),
            std::string("problem: driver 535.183.01 is too old: ONNX Runtime's CUDA 13 needs 580 or newer -> ") +
                kInstall + "   # then: cat /proc/driver/nvidia/version");
  // The same driver does for a library built for CUDA 12.
  tree.library(std::string(kPackages) + "/onnxruntime/capi/libonnxruntime_providers_cuda.so", {"libcudart.so.12"});
  EXPECT_EQ(line(tree.examine(), "nvidia.driver"), "ok: driver 535.183.01 (CUDA 12 needs 525 or newer)");
  EXPECT_EQ(line(tree.examine(), "nvidia.cuda"),
            "problem: the CUDA provider needs libcudart.so.12, which is nowhere -> tools/setup/setup cuda   # installs "
            "the wheel onnxruntime-gpu and NVIDIA's libraries");
}

TEST(NvidiaDoctor, ContainerWithoutNodes) {
  MachineTree tree;
  make_nvidia(tree);
  tree.text("/.dockerenv", "");
  std::filesystem::remove_all(tree.root() / "dev");
  tree.folder("/dev");
  std::filesystem::remove_all(tree.root() / "usr/lib/x86_64-linux-gnu");
  const auto report = tree.examine();
  EXPECT_EQ(problems(report), "nvidia.nodes nvidia.libcuda");
  EXPECT_EQ(line(report, "nvidia.nodes"),
            "problem: no /dev/nvidia0, /dev/nvidiactl, /dev/nvidia-uvm -> docker run --gpus all IMAGE   # "
            "beside the options that the container has now; on the host; Compose: the cuda service of hwaccel.ml.yml");
  EXPECT_EQ(line(report, "nvidia.libcuda"),
            "problem: the driver's library libcuda.so.1 is nowhere -> docker run --gpus all -e "
            "NVIDIA_DRIVER_CAPABILITIES=compute,utility IMAGE   # beside the options that the container has now; on "
            "the host");
  EXPECT_EQ(line(report, "nvidia.container_toolkit"), "nothing");
}

// The driver makes them, not udev.
TEST(NvidiaDoctor, NodesThatTheUserMayNotOpen) {
  MachineTree tree;
  make_nvidia(tree);
  tree.group("video");
  const std::string options =
      "echo \"options nvidia NVreg_DeviceFileGID=$(getent group video | cut -d: -f3) NVreg_DeviceFileMode=0660\" | "
      "sudo "
      "tee /etc/modprobe.d/zz-ocelli-nvidia.conf && ";
  const std::string reload = "sudo reboot   # before it, if the driver is in the initramfs: sudo update-initramfs -u";
  tree.node("/dev/nvidiactl", 0600);
  EXPECT_THAT(line(tree.examine(), "nvidia.nodes"),
              testing::AllOf(testing::StartsWith("problem: /dev/nvidiactl belongs to "),
                             testing::EndsWith(" -> " + options + "sudo usermod -aG video immich && " + reload)));
  tree.text("/.dockerenv", "");
  EXPECT_THAT(line(tree.examine(), "nvidia.nodes"), testing::EndsWith(" -> " + options + reload + "; on the host"));
}

TEST(NvidiaDoctor, CardWithoutDriverOrWithNouveau) {
  MachineTree tree;
  tree.pci("0000:01:00.0", "10de:2684", "030000", "nouveau");
  EXPECT_EQ(line(tree.examine(), "nvidia.device"), "ok: 0000:01:00.0 (10de:2684)");
  EXPECT_EQ(line(tree.examine(), "nvidia.driver"),
            std::string("problem: the open driver nouveau has the GPU, which CUDA cannot use -> ") + kInstall +
                "   # it puts nouveau aside");
  MachineTree bare;
  bare.pci("0000:01:00.0", "10de:2684", "030200", "");
  EXPECT_EQ(line(bare.examine(), "nvidia.driver"),
            std::string("problem: NVIDIA's kernel driver is not loaded -> ") + kInstall);
  bare.text("/etc/os-release", "ID=arch\n");
  EXPECT_EQ(
      line(bare.examine(), "nvidia.driver"),
      "problem: NVIDIA's kernel driver is not loaded -> wget "
      "https://us.download.nvidia.com/XFree86/Linux-x86_64/580.95.05/NVIDIA-Linux-x86_64-580.95.05.run && sudo sh "
      "NVIDIA-Linux-x86_64-580.95.05.run && sudo reboot");
  bare.text("/etc/os-release", "ID=linuxmint\nVERSION_ID=\"22\"\nUBUNTU_CODENAME=noble\n");
  EXPECT_THAT(line(bare.examine(), "nvidia.driver"), testing::HasSubstr("/repos/ubuntu2404/x86_64/"));
}

TEST(NvidiaDoctor, DriverUpdatedButNotRebooted) {
  MachineTree tree;
  make_nvidia(tree);
  std::filesystem::remove(tree.root() / "usr/lib/x86_64-linux-gnu/libcuda.so.1");
  tree.library("/usr/lib/x86_64-linux-gnu/libcuda.so.590.10.01");
  tree.link("/usr/lib/x86_64-linux-gnu/libcuda.so.1", "libcuda.so.590.10.01");
  EXPECT_EQ(line(tree.examine(), "nvidia.libcuda"),
            "problem: /usr/lib/x86_64-linux-gnu/libcuda.so.1 is of driver 590.10.01, but the kernel runs 580.65.06 -> "
            "sudo reboot");
}

TEST(NvidiaDoctor, LibrariesThatAreMissing) {
  MachineTree tree;
  make_nvidia(tree);
  std::filesystem::remove_all(tree.root() / std::string(kPackages).substr(1) / "tensorrt_libs");
  EXPECT_EQ(line(tree.examine(), "nvidia.tensorrt"),
            "warning: the TensorRT provider needs libnvinfer.so.10, which is nowhere: the device NVIDIA uses CUDA "
            "alone, TENSORRT fails -> tools/setup/setup cuda tensorrt");
  // Who asks for it by name cannot do without.
  EXPECT_EQ(problems(tree.examine("CUDA,NVIDIA")), "");
  EXPECT_EQ(problems(tree.examine("TENSORRT")), "nvidia.tensorrt");
  tree.library(std::string(kPackages) + "/nvidia/cudnn/lib/libcudnn.so.9", {}, "aarch64");
  EXPECT_EQ(
      line(tree.examine(), "nvidia.cuda"),
      "problem: the CUDA provider needs libcudnn.so.9, but /opt/venv/site-packages/nvidia/cudnn/lib/libcudnn.so.9 "
      "is for aarch64, this machine is x86_64 -> tools/setup/setup cuda   # installs the wheel onnxruntime-gpu and "
      "NVIDIA's libraries");
  // An installed CUDA instead of the wheels does as well.
  tree.process.onnxruntime_folder.clear();
  tree.process.environment["ONNXRUNTIME_ROOT"] = "/opt/ort";
  tree.library("/opt/ort/lib/libonnxruntime_providers_cuda.so", {"libcudart.so.13"});
  tree.library("/usr/local/cuda/lib64/libcudart.so.13");
  EXPECT_EQ(line(tree.examine(), "nvidia.cuda"), "ok: CUDA provider with libcudart.so.13");
  EXPECT_THAT(line(tree.examine(), "nvidia.tensorrt"),
              testing::StartsWith("warning: this ONNX Runtime has no TensorRT provider: "));
}

TEST(NvidiaDoctor, ContainerToolkit) {
  MachineTree tree;
  make_nvidia(tree);
  EXPECT_EQ(line(tree.examine(), "nvidia.container_toolkit"),
            "absent: neither Docker nor Podman is installed: no container toolkit is needed");
  tree.text("/usr/bin/docker", "");
  EXPECT_THAT(
      line(tree.examine(), "nvidia.container_toolkit"),
      testing::StartsWith("warning: the NVIDIA Container Toolkit is not installed: containers get no GPU -> sudo "
                          "apt-get install -y nvidia-container-toolkit"));
  tree.text("/usr/bin/nvidia-ctk", "");
  EXPECT_EQ(line(tree.examine(), "nvidia.container_toolkit"),
            "warning: installed, but the container engine is not told -> sudo nvidia-ctk runtime configure "
            "--runtime=docker && sudo systemctl restart docker");
  tree.text("/etc/docker/daemon.json", R"({"runtimes": {"nvidia": {"path": "nvidia-container-runtime"}}})");
  EXPECT_EQ(line(tree.examine(), "nvidia.container_toolkit"), "ok: installed and known to the container engine");
}

TEST(NvidiaDoctor, Environment) {
  MachineTree tree;
  make_nvidia(tree);
  auto& environment = tree.process.environment;
  for (const char* hiding : {"", "-1", "none", "NoDevFiles"}) {
    environment["CUDA_VISIBLE_DEVICES"] = hiding;
    EXPECT_EQ(line(tree.examine(), "nvidia.visible_devices"),
              std::string("problem: CUDA_VISIBLE_DEVICES is \"") + hiding +
                  "\", which hides every GPU -> unset CUDA_VISIBLE_DEVICES");
  }
  environment.erase("CUDA_VISIBLE_DEVICES");
  environment["CUDA_CACHE_MAXSIZE"] = "33554432";
  EXPECT_EQ(
      line(tree.examine(), "nvidia.jit_cache"),
      "warning: CUDA_CACHE_MAXSIZE is 32 MiB: kernels that do not fit are compiled again at every start -> export "
      "CUDA_CACHE_MAXSIZE=2147483647");
  environment["CUDA_CACHE_MAXSIZE"] = "2G";
  EXPECT_EQ(
      line(tree.examine(), "nvidia.jit_cache"),
      "warning: CUDA_CACHE_MAXSIZE is \"2G\", which is no number of bytes -> export CUDA_CACHE_MAXSIZE=2147483647");
  environment["CUDA_CACHE_MAXSIZE"] = "2147483647";
  EXPECT_EQ(line(tree.examine(), "nvidia.jit_cache"), "ok: CUDA_CACHE_MAXSIZE is 2.0 GiB");
}

// CUDA's own rules: the first entry that names no GPU ends the list.
TEST(NvidiaDoctor, VisibleDevicesAreReadAsCudaReadsThem) {
  MachineTree tree;
  make_nvidia(tree);
  tree.node("/dev/nvidia1");
  for (const int slot : {1, 2}) {
    tree.text("/proc/driver/nvidia/gpus/0000:0" + std::to_string(slot) + ":00.0/information",
              "Model: \t\t NVIDIA GeForce RTX 4090\nGPU UUID: \t GPU-8932f93" + std::to_string(slot) + "-d72c\n");
  }
  const auto verdict = [&](const std::string& value) {
    tree.process.environment["CUDA_VISIBLE_DEVICES"] = value;
    auto text = line(tree.examine(), "nvidia.visible_devices");
    const auto lead = text.find(value + "\"") + value.size() + 1;
    return text.substr(0, text.find(':')) + text.substr(lead, text.find(" -> ") - lead);
  };
  for (const char* good :
       {"0", "1,0", "0,1,", "0,-1,1", " 1 , 0 ", "0x", "GPU-8932f931-d72c", "GPU-8932f932,GPU-8932f931"})
    EXPECT_EQ(verdict(good), "ok") << good;
  EXPECT_EQ(verdict("all"), "problem: all is neither an index nor a name (GPU-..., MIG-...); that hides every GPU");
  EXPECT_EQ(verdict("-2,0"), "problem: -2 ends the list; that hides every GPU");
  EXPECT_EQ(verdict(",0"), "problem: an empty entry ends the list; that hides every GPU");
  EXPECT_EQ(verdict("0,3"), "problem: there is no GPU 3, this machine has 2; that entry and all behind it are hidden");
  EXPECT_EQ(verdict("0,00"), "problem: 0 is named twice, which hides every GPU");
  EXPECT_EQ(verdict("GPU-aaaa"), "problem: GPU-aaaa is no GPU of this machine; that hides every GPU");
  EXPECT_EQ(verdict("GPU-89"), "problem: GPU-89 is the beginning of several names; that hides every GPU");
  EXPECT_EQ(verdict("0,GPU-8932f932"),
            "problem: GPU-8932f932 is of another kind than the first entry; that entry and all behind it are hidden");
  EXPECT_EQ(verdict("MIG-c7384736"), "warning; whether this machine has that is unknown: no file says it");
  EXPECT_EQ(verdict("MIG-c7384736,MIG-c7384736"), "problem: MIG-c7384736 is named twice, which hides every GPU");
  // A driver that does not name its cards.
  tree.text("/proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: NVIDIA GeForce RTX 4090\n");
  EXPECT_EQ(verdict("GPU-aaaa"), "warning; whether this machine has that is unknown: no file says it");
}

TEST(NvidiaDoctor, CardTooOldForTheCudaOfOurLibrary) {
  MachineTree tree;
  make_nvidia(tree);
  tree.pci("0000:02:00.0", "10de:1b06", "030000", "");
  const std::string second = "/proc/driver/nvidia/gpus/0000:02:00.0/information";
  EXPECT_EQ(line(tree.examine(), "nvidia.capability"),
            "ok: compute capability 8.9 (Ada); ONNX Runtime's CUDA 13 has code for 7.5 and newer");
  tree.text(second, "Model: \t\t NVIDIA GeForce GTX 1080 Ti\n");
  EXPECT_THAT(line(tree.examine(), "nvidia.capability"),
              testing::StartsWith("warning: NVIDIA GeForce GTX 1080 Ti has compute capability 6.1 (Pascal); ONNX "
                                  "Runtime's CUDA 13 has code for 7.5 and newer: it cannot be used, another card can"));
  std::filesystem::remove_all(tree.root() / "proc/driver/nvidia/gpus/0000:01:00.0");
  EXPECT_EQ(problems(tree.examine("NVIDIA")), "nvidia.capability");
  EXPECT_THAT(line(tree.examine(), "nvidia.capability"),
              testing::AllOf(testing::HasSubstr("newer, one built for CUDA 12 from 5.2 on -> wget -qO- "),
                             testing::HasSubstr("export ONNXRUNTIME_ROOT=")));
  // Its last driver is 580.
  tree.text("/proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX x86_64 Kernel Module  470.82.01  x\n");
  EXPECT_THAT(line(tree.examine(), "nvidia.driver"), testing::HasSubstr("install -y cuda-drivers-580 &&"));
  // The library for CUDA 12 has code for it, but not for what came before.
  tree.library(std::string(kPackages) + "/onnxruntime/capi/libonnxruntime_providers_cuda.so", {"libcudart.so.12"});
  EXPECT_EQ(line(tree.examine(), "nvidia.capability"),
            "ok: compute capability 6.1 (Pascal); ONNX Runtime's CUDA 12 has code for 5.2 and newer");
  tree.text("/sys/bus/pci/devices/0000:02:00.0/device", "0x1381\n");
  tree.text(second, "Model: NVIDIA GeForce GTX 750\n");
  EXPECT_EQ(line(tree.examine(), "nvidia.capability"),
            "problem: NVIDIA GeForce GTX 750 has compute capability 5.0 or older (Maxwell GM10x, Kepler, Fermi); ONNX "
            "Runtime's CUDA 12 has code for 5.2 and newer: no model can run on it");
}

TEST(NvidiaDoctor, CapabilityThatNobodyTells) {
  MachineTree tree;
  tree.node("/dev/nvidiactl");
  EXPECT_EQ(line(tree.examine(), "nvidia.capability"),
            "absent: compute capability unknown; ONNX Runtime's CUDA 13 has code for 7.5 and newer");
}

TEST(NvidiaDoctor, CardsThatNobodyCountsMayBeMany) {
  MachineTree windows;
  windows.text("/proc/sys/kernel/osrelease", "5.15.90.1-microsoft-standard-WSL2\n");
  windows.node("/dev/dxg");
  windows.library("/usr/lib/wsl/lib/libcuda.so.1");
  EXPECT_EQ(line(windows.examine("NVIDIA.1"), "nvidia.device"), "ok: a GPU of Windows");
  EXPECT_EQ(line(windows.examine("NVIDIA.1"), "nvidia.index"), "nothing");
  // A sandbox has nodes alone.
  MachineTree sandbox;
  for (const char* path : {"/dev/nvidiactl", "/dev/nvidia0", "/dev/nvidia1"}) sandbox.node(path);
  EXPECT_EQ(line(sandbox.examine("NVIDIA.1"), "nvidia.index"), "nothing");
  EXPECT_THAT(line(sandbox.examine("NVIDIA.2"), "nvidia.index"),
              testing::StartsWith("problem: device 2 is asked for, but there are only 2, counted from 0"));
}

TEST(NvidiaDoctor, CapabilityByNumberAndName) {
  struct Known {
    std::uint32_t device;
    std::uint32_t at_least;
  };
  // GTX 480, GTX 970, P100, MX130, TITAN X, GTX 1050 Ti, V100, T4, A100, GTX 1660, RTX 3090, H100, RTX 3060, RTX 4090,
  // B200, RTX 5090.
  for (const auto& known : {Known{0x06c0, 10}, Known{0x13c2, 52}, Known{0x15f8, 60}, Known{0x174d, 50},
                            Known{0x17c2, 52}, Known{0x1c82, 61}, Known{0x1db4, 70}, Known{0x1eb8, 75},
                            Known{0x20b5, 80}, Known{0x2184, 75}, Known{0x2204, 86}, Known{0x2331, 90},
                            Known{0x2504, 86}, Known{0x2684, 89}, Known{0x2901, 100}, Known{0x2b85, 100}}) {
    ASSERT_TRUE(capability_by_pci(known.device)) << known.device;
    EXPECT_EQ(capability_by_pci(known.device)->at_least, known.at_least) << known.device;
  }
  EXPECT_FALSE(capability_by_pci(0));
  EXPECT_EQ(capability_by_model("NVIDIA GeForce GTX 1080 Ti")->at_least, 61U);
  EXPECT_EQ(capability_by_model("Tesla V100-PCIE-16GB")->at_least, 70U);
  EXPECT_EQ(capability_by_model("NVIDIA H100 PCIe")->at_least, 90U);
  EXPECT_EQ(capability_by_model("NVIDIA A100-SXM4-80GB")->at_least, 80U);
  EXPECT_EQ(capability_by_model("NVIDIA A100X")->at_least, 80U);
  EXPECT_EQ(capability_by_model("NVIDIA GeForce RTX 3060 Laptop GPU")->at_least, 86U);
  EXPECT_EQ(capability_by_model("Quadro RTX 3000")->at_least, 75U);
  EXPECT_FALSE(capability_by_model("NVIDIA RTX A1000")) << "no A100";
  EXPECT_FALSE(capability_by_model("NVIDIA GeForce GTX 960M")) << "two generations have such names";
}

// A Jetson Orin with JetPack 6.
void make_jetson(MachineTree& tree) {
  tree.process.architecture = "aarch64";
  tree.text("/proc/cpuinfo", "processor : 0\nFeatures : asimd asimddp\nCPU implementer : 0x41\n");
  tree.text("/etc/nv_tegra_release", "# R36 (release), REVISION: 4.0\n");
  tree.text("/proc/device-tree/compatible", std::string("nvidia,p3701-0000\0nvidia,tegra234\0", 34));
  tree.text("/proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  540.4.0  x\n");
  tree.library("/usr/lib/aarch64-linux-gnu/libcuda.so.1", {}, "aarch64");
  tree.node("/dev/nvmap");
  tree.node("/dev/nvhost-ctrl-gpu");
}

TEST(NvidiaDoctor, Jetson) {
  MachineTree tree;
  make_jetson(tree);
  auto report = tree.examine();
  EXPECT_EQ(line(report, "nvidia.device"), "ok: Jetson");
  EXPECT_EQ(line(report, "nvidia.capability"),
            "ok: compute capability 8.7 (Ampere); ONNX Runtime's CUDA 13 has code for 7.5 and newer");
  EXPECT_EQ(line(report, "nvidia.nodes"), "ok: /dev/nvmap, /dev/nvhost-ctrl-gpu");
  EXPECT_EQ(line(report, "nvidia.driver"),
            "problem: driver 540.4.0 is too old: ONNX Runtime's CUDA 13 needs 580 or newer, or an ONNX Runtime built "
            "for this JetPack -> sudo apt-get update && sudo apt-get install -y nvidia-jetpack && sudo reboot   # a "
            "newer major release of JetPack is flashed with NVIDIA's SDK Manager; then: cat "
            "/proc/driver/nvidia/version");
  EXPECT_THAT(line(report, "nvidia.cuda"),
              testing::StartsWith("problem: this ONNX Runtime has no CUDA provider; the wheels of tools/setup/setup "
                                  "cuda are not for Jetson -> export ONNXRUNTIME_ROOT="));
  tree.library("/opt/ort/lib/libonnxruntime_providers_cuda.so", {"libcudart.so.12"}, "aarch64");
  tree.library("/usr/local/cuda/lib64/libcudart.so.12", {}, "aarch64");
  tree.process.environment["ONNXRUNTIME_ROOT"] = "/opt/ort";
  EXPECT_EQ(problems(tree.examine("CUDA")), "");
  std::filesystem::remove(tree.root() / "usr/lib/aarch64-linux-gnu/libcuda.so.1");
  EXPECT_THAT(line(tree.examine(), "nvidia.libcuda"), testing::HasSubstr("install -y nvidia-jetpack"));
}

TEST(NvidiaDoctor, JetsonNodes) {
  MachineTree tree;
  make_jetson(tree);
  tree.group("video");
  tree.node("/dev/nvmap", 0660);
  EXPECT_THAT(line(tree.examine(), "nvidia.nodes"), testing::StartsWith("problem: /dev/nvmap belongs to "));
  tree.node("/dev/nvmap", 0600);
  EXPECT_THAT(line(tree.examine(), "nvidia.nodes"), testing::HasSubstr("echo 'KERNEL==\"nvmap\", SUBSYSTEM==\"misc\""));
  EXPECT_THAT(line(tree.examine(), "nvidia.nodes"), testing::HasSubstr(" /etc/udev/rules.d/70-ocelli-nvmap.rules "))
      << "beside the rule of another such node";
  tree.node("/dev/nvmap");
  std::filesystem::remove(tree.root() / "dev/nvhost-ctrl-gpu");
  tree.node("/dev/nvgpu/igpu0/ctrl");
  EXPECT_EQ(line(tree.examine(), "nvidia.nodes"), "ok: /dev/nvmap, /dev/nvgpu/igpu0/ctrl");
  std::filesystem::remove_all(tree.root() / "dev/nvgpu");
  std::filesystem::remove_all(tree.root() / "dev/nvmap");
  EXPECT_EQ(line(tree.examine(), "nvidia.nodes"),
            "problem: no /dev/nvmap, /dev/nvhost-ctrl-gpu -> sudo modprobe nvgpu");
  tree.text("/.dockerenv", "");
  EXPECT_THAT(line(tree.examine(), "nvidia.nodes"), testing::HasSubstr("-> docker run --runtime nvidia IMAGE"));
}

}  // namespace
}  // namespace ocelli::inventory
