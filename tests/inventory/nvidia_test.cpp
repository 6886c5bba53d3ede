#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

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
                kInstall + "   (then: cat /proc/driver/nvidia/version)");
  // The same driver does for a library built for CUDA 12.
  tree.library(std::string(kPackages) + "/onnxruntime/capi/libonnxruntime_providers_cuda.so", {"libcudart.so.12"});
  EXPECT_EQ(line(tree.examine(), "nvidia.driver"), "ok: driver 535.183.01 (CUDA 12 needs 525 or newer)");
  EXPECT_EQ(line(tree.examine(), "nvidia.cuda"),
            "problem: the CUDA provider needs libcudart.so.12, which is nowhere -> tools/setup/setup cuda   (installs "
            "the wheel "
            "onnxruntime-gpu and NVIDIA's libraries)");
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
            "problem: no /dev/nvidia0, /dev/nvidiactl, /dev/nvidia-uvm -> start the container with: --gpus all   "
            "(Compose: the cuda service of hwaccel.ml.yml)");
  EXPECT_EQ(line(report, "nvidia.libcuda"),
            "problem: the driver's library libcuda.so.1 is nowhere -> start the container with: --gpus all -e "
            "NVIDIA_DRIVER_CAPABILITIES=compute,utility");
  EXPECT_EQ(line(report, "nvidia.container_toolkit"), "nothing");
}

TEST(NvidiaDoctor, CardWithoutDriverOrWithNouveau) {
  MachineTree tree;
  tree.pci("0000:01:00.0", "10de:2684", "030000", "nouveau");
  EXPECT_EQ(line(tree.examine(), "nvidia.device"), "ok: 0000:01:00.0 (10de:2684)");
  EXPECT_EQ(line(tree.examine(), "nvidia.driver"),
            std::string("problem: the open driver nouveau has the GPU, which CUDA cannot use -> ") + kInstall +
                "   (it puts nouveau aside)");
  MachineTree bare;
  bare.pci("0000:01:00.0", "10de:2684", "030200", "");
  EXPECT_EQ(line(bare.examine(), "nvidia.driver"),
            std::string("problem: NVIDIA's kernel driver is not loaded -> ") + kInstall);
  bare.text("/etc/os-release", "ID=arch\n");
  EXPECT_EQ(line(bare.examine(), "nvidia.driver"),
            "problem: NVIDIA's kernel driver is not loaded -> install the current driver from "
            "https://www.nvidia.com/drivers and reboot");
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
            "warning: the TensorRT provider needs libnvinfer.so.10, which is nowhere -> tools/setup/setup cuda "
            "tensorrt   (without TensorRT, CUDA is used)");
  tree.library(std::string(kPackages) + "/nvidia/cudnn/lib/libcudnn.so.9", {}, "aarch64");
  EXPECT_EQ(
      line(tree.examine(), "nvidia.cuda"),
      "problem: the CUDA provider needs libcudnn.so.9, but /opt/venv/site-packages/nvidia/cudnn/lib/libcudnn.so.9 "
      "is for aarch64, this machine is x86_64 -> tools/setup/setup cuda   (installs the wheel onnxruntime-gpu and "
      "NVIDIA's "
      "libraries)");
  // An installed CUDA instead of the wheels does as well.
  tree.process.onnxruntime_folder.clear();
  tree.process.environment["ONNXRUNTIME_ROOT"] = "/opt/ort";
  tree.library("/opt/ort/lib/libonnxruntime_providers_cuda.so", {"libcudart.so.13"});
  tree.library("/usr/local/cuda/lib64/libcudart.so.13");
  EXPECT_EQ(line(tree.examine(), "nvidia.cuda"), "ok: CUDA provider with libcudart.so.13");
  EXPECT_EQ(line(tree.examine(), "nvidia.tensorrt").substr(0, 54),
            "warning: this ONNX Runtime has no TensorRT provider ->");
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
  for (const char* hiding : {"", "-1"}) {
    environment["CUDA_VISIBLE_DEVICES"] = hiding;
    EXPECT_EQ(line(tree.examine(), "nvidia.visible_devices"),
              std::string("problem: CUDA_VISIBLE_DEVICES is \"") + hiding +
                  "\", which hides every GPU -> unset CUDA_VISIBLE_DEVICES");
  }
  environment["CUDA_VISIBLE_DEVICES"] = "0,3";
  EXPECT_EQ(line(tree.examine(), "nvidia.visible_devices"),
            "problem: CUDA_VISIBLE_DEVICES names GPU 3, this machine has 1; that one and all behind it are hidden -> "
            "unset CUDA_VISIBLE_DEVICES");
  environment["CUDA_VISIBLE_DEVICES"] = "GPU-8c1a";
  EXPECT_EQ(line(tree.examine(), "nvidia.visible_devices"), "ok: CUDA_VISIBLE_DEVICES is \"GPU-8c1a\"");

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

}  // namespace
}  // namespace ocelli::inventory
