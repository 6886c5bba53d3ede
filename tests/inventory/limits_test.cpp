#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "inventory/machine_tree.hpp"
#include "inventory/size_text.hpp"

namespace ocelli::inventory {
namespace {

TEST(LimitsDoctor, BareCpuHasNothingToRepair) {
  MachineTree tree;
  const auto report = tree.examine();
  EXPECT_EQ(problems(report), "");
  EXPECT_EQ(report.count(Verdict::kWarning), 0U);
  EXPECT_EQ(line(report, "cpu.model"), "ok: Intel(R) Core(TM) i7-8700, 2 processors");
  EXPECT_EQ(line(report, "cpu.instructions"), "ok: SSE4.2 AVX AVX2 FMA");
  EXPECT_EQ(line(report, "limits.memory"), "ok: 22.9 GiB of 30.5 GiB available");
  EXPECT_EQ(line(report, "limits.open_files"), "ok: 1024 (hard limit 1048576), which the server raises its own to");
  EXPECT_EQ(line(report, "limits.shared_memory"), "ok: /dev/shm has 15.3 GiB");
  EXPECT_EQ(line(report, "disk.model_server_cache"), "ok: /opt/cache has 100.0 GiB free");
  EXPECT_EQ(line(report, "disk.immich_cache"), "absent: /cache is not there: downloaded models are not kept");
  for (const char* area :
       {"intel_gpu", "intel_npu", "nvidia", "mali", "armnn_cpu", "amd", "wsl", "myriad", "hddl", "rockchip", "others"})
    EXPECT_THAT(line(report, std::string(area) + ".device"), testing::StartsWith("absent: not present")) << area;
}

TEST(LimitsDoctor, ADoorWithoutAnyAcceleratorIsAWarningADeviceByNameAProblem) {
  MachineTree tree;
  auto report = tree.examine("immich");
  EXPECT_TRUE(report.is_healthy());
  EXPECT_EQ(line(report, "cpu.accelerator"),
            "warning: no accelerator that immich can use is present: models run on the CPU -> ocelli devices --all   # "
            "says what each accelerator would need");
  EXPECT_EQ(line(report, "myriad.device"), "nothing") << "Immich does not use it";

  report = tree.examine("NVIDIA.0,mali");
  EXPECT_EQ(problems(report), "nvidia.device mali.device");
  EXPECT_EQ(line(report, "nvidia.device"),
            "problem: not present: no NVIDIA GPU on the PCI bus, no driver; no command brings it, so leave it out of "
            "--for or use a machine that has it");
  tree.text("/.dockerenv", "");
  EXPECT_THAT(line(tree.examine("NVIDIA"), "nvidia.device"), testing::HasSubstr("-> docker run --gpus all IMAGE"));
  EXPECT_EQ(line(report, "cpu.accelerator"), "nothing");
}

TEST(LimitsDoctor, UnknownScopeSaysWhatThereIs) {
  const auto scope = parse_scope("immich,tpu");
  ASSERT_FALSE(scope.ok());
  EXPECT_EQ(scope.status().message().substr(0, 82),
            "--for does not know \"tpu\"; it takes a list of: immich model-server face cpu gpu op");
  EXPECT_FALSE(parse_scope("").ok());
  EXPECT_FALSE(parse_scope("immich,").ok());
  EXPECT_TRUE(parse_scope("Model-Server,GPU.1,CUDA").ok());
}

TEST(LimitsDoctor, OldOrEmulatedProcessor) {
  MachineTree tree;
  tree.text("/proc/cpuinfo",
            "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: QEMU\nflags\t: sse4_2 hypervisor\n");
  EXPECT_THAT(line(tree.examine(), "cpu.instructions"),
              testing::StartsWith("warning: SSE4.2, but no AVX2: models run several times slower; the virtual machine "
                                  "does not show the host's processor -> qm set VMID --cpu host"));
  tree.text("/proc/cpuinfo", "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Old\nflags\t: sse2\n");
  EXPECT_THAT(line(tree.examine(), "cpu.instructions"), testing::StartsWith("problem: no SSE4.2"));
  tree.text("/proc/cpuinfo", "");
  EXPECT_THAT(line(tree.examine(), "cpu.model"), testing::StartsWith("warning: /proc/cpuinfo cannot be read"));
  tree.text(
      "/proc/cpuinfo",
      "processor : 0\nvendor_id : GenuineIntel\nmodel name : Xeon\nflags : sse4_2 avx avx2 fma avx512f avx512_vnni "
      "avx512_bf16 amx_tile amx_bf16\n");
  EXPECT_EQ(line(tree.examine(), "cpu.instructions"), "ok: SSE4.2 AVX AVX2 FMA AVX-512 VNNI BF16 AMX");
}

TEST(LimitsDoctor, ControlGroupsLimitTheMemory) {
  MachineTree tree;
  tree.text("/proc/self/cgroup", "0::/system.slice/ocelli.service\n");
  tree.text("/sys/fs/cgroup/system.slice/ocelli.service/memory.max", "max\n");
  tree.text("/sys/fs/cgroup/system.slice/memory.max", "2147483648\n");
  EXPECT_EQ(
      line(tree.examine(), "limits.memory"),
      "warning: 22.9 GiB of 30.5 GiB available, limited to 2.0 GiB by /sys/fs/cgroup/system.slice/memory.max: less "
      "than 4 GiB, several large models at once may be killed -> sudo systemctl set-property --runtime "
      "system.slice MemoryMax=4G");
  tree.text("/proc/self/cgroup", "5:memory:/docker/1\n1:cpu:/\n");
  tree.text("/sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes", "536870912\n");
  tree.text("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  tree.text("/.dockerenv", "");
  EXPECT_EQ(line(tree.examine(), "limits.memory"),
            "problem: 22.9 GiB of 30.5 GiB available, limited to 512 MiB by "
            "/sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes: less than 1 GiB, models will not load -> docker "
            "update --memory 4g --memory-swap 4g CONTAINER   # on the host");
}

TEST(LimitsDoctor, SmallSharedMemoryAndFewFiles) {
  MachineTree tree;
  tree.text("/.dockerenv", "");
  tree.text("/proc/self/mounts", "shm /dev/shm tmpfs rw,nosuid,nodev,noexec,relatime,size=65536k,inode64 0 0\n");
  tree.process.open_files_soft = 256;
  tree.process.open_files_hard = 1024;
  auto report = tree.examine();
  EXPECT_EQ(line(report, "limits.shared_memory"),
            "warning: /dev/shm has 64 MiB: too small for clients that pass pictures in shared memory -> docker "
            "run --shm-size 1g IMAGE   # beside the options that the container has now; on the host");
  EXPECT_EQ(line(report, "limits.open_files"),
            "warning: 256 (hard limit 1024): about 960 connections at most -> docker run --ulimit "
            "nofile=65536:65536 IMAGE   # beside the options that the container has now; on the host");
  std::filesystem::remove(tree.root() / ".dockerenv");
  tree.text("/proc/self/mounts", "proc /proc proc rw 0 0\n");
  tree.process.open_files_hard = 64;
  report = tree.examine();
  EXPECT_THAT(line(report, "limits.shared_memory"), testing::StartsWith("warning: /dev/shm is not there"));
  EXPECT_THAT(line(report, "limits.open_files"), testing::StartsWith("problem: 256 (hard limit 64): too few"));
}

TEST(LimitsDoctor, CacheFolders) {
  MachineTree tree;
  tree.process.environment["MACHINE_LEARNING_CACHE_FOLDER"] = "/models";
  EXPECT_EQ(line(tree.examine(), "disk.immich_cache"),
            "warning: /models is not there, downloaded models need it -> sudo install -d -o immich /models");
  tree.folder("/models");
  EXPECT_EQ(line(tree.examine(), "disk.immich_cache"),
            "problem: /models may not be written by user immich -> sudo chown -R immich /models");
  tree.process.user = {"root", 0, {0}};
  tree.process.disk_space = [](const std::string& path) -> std::optional<DiskSpace> {
    EXPECT_TRUE(path.ends_with("/models") || path.ends_with("/opt/cache")) << path;
    return DiskSpace{kGiB, 100 * kMiB};
  };
  EXPECT_THAT(
      line(tree.examine(), "disk.immich_cache"),
      testing::StartsWith("problem: /models has 100 MiB free: not enough for downloaded models -> df -h /models"));
  tree.process.environment["MACHINE_LEARNING_CACHE_FOLDER"] = "/my models'; x";
  EXPECT_EQ(line(tree.examine(), "disk.immich_cache"),
            "warning: /my models'; x is not there, downloaded models need it -> sudo install -d -o root '/my "
            "models'\\''; x'");
  tree.process.environment.erase("MACHINE_LEARNING_CACHE_FOLDER");
  tree.text("/opt/cache2", "");
  tree.process.environment["CUDA_CACHE_PATH"] = "/opt/cache2";
  EXPECT_EQ(line(tree.examine(), "disk.cuda_cache"),
            "problem: /opt/cache2 is not a folder -> sudo mv /opt/cache2 /opt/cache2.old && sudo install -d -o root "
            "/opt/cache2");
}

TEST(LimitsDoctor, OddTreesGetAReport) {
  MachineTree tree;
  std::filesystem::remove_all(tree.root() / "proc");
  std::filesystem::remove_all(tree.root() / "etc");
  tree.link("/proc", "proc");     // a loop
  tree.link("/sys", "/sys/sys");  // another
  tree.folder("/etc/group");      // a folder in a file's place
  tree.text("/etc/passwd", std::string(3U << 20U, ':'));
  tree.text("/etc/ld.so.conf", std::string(1U << 20U, '\n') + "/late\n");
  EXPECT_GT(tree.examine().findings.size(), 10U);

  MachineTree garbage;
  garbage.text("/proc/cpuinfo", std::string("\0\xff\xfe:::\nprocessor\n:flags:", 24));
  garbage.text("/proc/meminfo", "MemTotal:\nMemAvailable: many kB\n");
  garbage.text("/proc/self/mounts", "a\n/dev/shm\nx /dev/shm tmpfs size=,size=k,size=99999999999999999999g\n");
  garbage.text("/proc/self/cgroup", ":::\n0::\n0::relative/../..\nmemory\n");
  garbage.text("/proc/driver/nvidia/version", "NVRM version: ..\n");
  garbage.text("/sys/bus/pci/devices/0/vendor", "0xzz");
  garbage.text("/sys/bus/usb/devices/1/idVendor", "03e7");
  garbage.text("/dev/nvidiactl", "");
  EXPECT_GT(garbage.examine().findings.size(), 10U);
}

}  // namespace
}  // namespace ocelli::inventory
