// DeviceExpression: the text of target_device, understood.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"

namespace ocelli::devices {

// What kind of device a name means.
enum class DeviceKind : std::uint8_t {
  kCpu,        // CPU[.OPENVINO|.ONNXRUNTIME]
  kGpu,        // GPU[.n]: Intel
  kNpu,        // NPU[.n]: Intel
  kNvidia,     // NVIDIA[.n]: TensorRT when it loads, else CUDA
  kCuda,       // CUDA[.n]
  kTensorrt,   // TENSORRT[.n]
  kArmnn,      // ARMNN[.CpuRef|.CpuAcc|.GpuAcc]; MALI is read as ARMNN.GpuAcc
  kMyriad,     // MYRIAD[.id]: Movidius stick
  kHddl,       // HDDL: Movidius card
  kLegacy,     // LEGACY.name: any other device of the OpenVINO that --openvino_legacy_dir names, "LEGACY.CPU"
  kSimulated,  // a device that exists for tests only
};

// One device. instance is what stands behind the dot: "0", "CpuAcc"; empty: the runtime's own choice. name is in
// capitals ("GPU"), but for simulated devices, which keep their spelling.
struct DeviceName {
  DeviceKind kind = DeviceKind::kCpu;
  std::string name;
  std::string instance;

  // "GPU.1", "ARMNN.CpuAcc".
  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const DeviceName&, const DeviceName&) = default;
};

// One member of a list. count is what stands in parentheses: requests in flight (MULTI, AUTO), batch size (BATCH); 1 to
// kMaxCount.
struct DeviceMember {
  static constexpr std::uint32_t kMaxCount = 100'000;
  DeviceName device;
  std::optional<std::uint32_t> count{};

  // In the grammar's own spelling: "CPU(4)".
  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const DeviceMember&, const DeviceMember&) = default;
};

// What is to be done with the members of a list.
enum class PlanKind : std::uint8_t { kSingle, kAuto, kMulti, kHetero, kBatch };

// members in the order written, which is the order of priority. kSingle and kBatch have one; kMulti and kHetero at
// least one; kAuto none means that every device of this machine is a candidate.
struct DeviceExpression {
  static constexpr std::size_t kMaxMembers = 32;
  PlanKind kind = PlanKind::kSingle;
  std::vector<DeviceMember> members;
  // kAuto without members: what is left out of its own list; without an instance all of that name.
  std::vector<DeviceName> left_out{};

  // In the grammar's own spelling: "MULTI:GPU.0(4),CPU".
  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const DeviceExpression&, const DeviceExpression&) = default;
};

// Reads a target_device:
//   expression = member | "AUTO" [":" (list | less)] | "MULTI:" list | "HETERO:" list | "BATCH:" member
//   list       = member {"," member}
//   less       = "-" device {"," "-" device}
//   member     = device ["(" number ")"]
//   device     = name ["." instance]
// Names are case-insensitive and may be surrounded by blanks; a single device may not carry "(n)"; a device may stand
// in a list once. `simulated` are further names that count as devices; such a name wins over a real one, so that a plan
// can be tried without the hardware. kInvalidArgument tells the mistake, its position (counted from 1) and, for an
// unknown name, the names that exist.
Result<DeviceExpression> parse_target_device(std::string_view text, const std::vector<std::string>& simulated = {});

// Reads the one device name that stands at `at` of a longer text, and moves `at` behind it. The rules are those of a
// target_device's member, without "(n)". kInvalidArgument: messages begin with subject, the text's own name.
Result<DeviceName> parse_device_name(std::string_view subject, std::string_view text, std::size_t& at,
                                     const std::vector<std::string>& simulated = {});

}  // namespace ocelli::devices
