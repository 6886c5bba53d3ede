// The checks of `ocelli doctor`: each looks at one area of a machine and adds what it finds.
//
// All are pure functions of the machine: they read files below its root and facts of the process, load no library,
// start no program and touch no network. The first finding of an area of hardware has the check "device" and says
// whether the hardware is there; when it is not, it is the only one.
#pragma once

#include "inventory/finding.hpp"
#include "inventory/machine.hpp"

namespace ocelli::inventory {

// Instruction sets that the runtimes' kernels need or profit from.
void check_cpu(const Machine& machine, Findings& findings);
// Memory, control groups, open files, shared memory.
void check_limits(const Machine& machine, Findings& findings);
// Folders for downloaded and compiled models: there, writable, with space.
void check_disk(const Machine& machine, Findings& findings);
// Kernel driver, render nodes and who may open them, OpenCL and Level Zero.
void check_intel_gpu(const Machine& machine, Findings& findings);
// Kernel driver, firmware, /dev/accel, the driver's library.
void check_intel_npu(const Machine& machine, Findings& findings);
// Cards and driver against the CUDA that our ONNX Runtime needs, nodes, libraries, container toolkit, environment.
void check_nvidia(const Machine& machine, Findings& findings);
// /dev/mali0, libmali.so, the firmware of CSF GPUs.
void check_mali(const Machine& machine, Findings& findings);
// ARM NN's library and its backends for the processor.
void check_armnn_cpu(const Machine& machine, Findings& findings);
// /dev/kfd; there is no backend for it.
void check_amd(const Machine& machine, Findings& findings);
// /dev/dxg and /usr/lib/wsl.
void check_wsl(const Machine& machine, Findings& findings);
// The folder of the older OpenVINO that drives MYRIAD and HDDL: its libraries and what they need, release, plugins.
void check_legacy_openvino(const Machine& machine, Findings& findings);
// The stick on the USB bus, its node, the udev rule.
void check_myriad(const Machine& machine, Findings& findings);
// /dev/ion, hddldaemon and its sockets.
void check_hddl(const Machine& machine, Findings& findings);
// The NPU of RK3566, RK3568, RK3576, RK3588; there is no backend for it.
void check_rockchip(const Machine& machine, Findings& findings);
// Accelerators that people have and that nothing here can use: Hailo, Coral.
void check_others(const Machine& machine, Findings& findings);

}  // namespace ocelli::inventory
