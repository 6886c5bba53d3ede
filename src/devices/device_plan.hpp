// DevicePlan: on which runtimes and devices a model is to run.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.hpp"
#include "devices/device_expression.hpp"

namespace ocelli::devices {

// A device in one runtime's own words.
struct Placement {
  std::string runtime;  // "openvino", "onnxruntime", "armnn", "openvino_c", "simulated"
  std::string device;   // "GPU.1", "AUTO:GPU,CPU", "CUDA.0"

  friend bool operator==(const Placement&, const Placement&) = default;
};

// One device of the plan, with the ways to reach it: the first that loads, takes the model's format and compiles is
// used.
struct PlanMember {
  std::string target;  // as the user named it: "NVIDIA.0"
  std::vector<Placement> placements;
  std::optional<std::uint32_t> requests{};  // requests in flight at most; empty: the device's optimum

  friend bool operator==(const PlanMember&, const PlanMember&) = default;
};

struct DevicePlan {
  // kAll: every member runs the model, and one that cannot fails the plan. kFirst: the first member that can, runs it.
  enum class Use : std::uint8_t { kAll, kFirst };
  Use use = Use::kAll;
  std::vector<PlanMember> members;  // by priority
  // Batch size that requests are grouped to before they reach the device (BATCH over a runtime that does not group by
  // itself); empty: none.
  std::optional<std::uint32_t> batch{};
  // plugin_config without what the plan itself has read (RUNTIME).
  std::map<std::string, std::string> properties;

  friend bool operator==(const DevicePlan&, const DevicePlan&) = default;
};

// Rules:
//  - Intel devices alone (CPU, GPU, NPU, and AUTO, MULTI, HETERO, BATCH over them) go to OpenVINO as written, which has
//  its own plugins for that.
//  - CPU alone: plugin_config RUNTIME = OPENVINO (default, with ONNX Runtime as its stand-in when OpenVINO cannot be
//  loaded or cannot compile an
//    ONNX model) or ONNXRUNTIME (that one only).
//  - MYRIAD, HDDL and LEGACY.name are the OpenVINO of --openvino_legacy_dir in a worker process (openvino_c), which
//  says what to install when there is none.
//  - NVIDIA is TensorRT, then CUDA, of ONNX Runtime; CUDA and TENSORRT are that provider or a failure.
//  - MULTI over several runtimes has a member for each device, all of which must work; AUTO over several takes the
//  first that works, or all of them
//    with PERFORMANCE_HINT=CUMULATIVE_THROUGHPUT.
// Pure: whether a device is there shows when the plan is compiled. Errors: kInvalidArgument (RUNTIME; NUM_STREAMS
// together with PERFORMANCE_HINT), kUnimplemented
// (HETERO over several runtimes).
Result<DevicePlan> make_plan(const DeviceExpression& expression,
                             const std::map<std::string, std::string>& plugin_config);

// parse_target_device() and make_plan() in one.
Result<DevicePlan> make_plan(std::string_view target_device, const std::map<std::string, std::string>& plugin_config,
                             const std::vector<std::string>& simulated = {});

}  // namespace ocelli::devices
