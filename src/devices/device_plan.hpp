// DevicePlan: on which runtimes and devices a model is to run.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
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
  // A CPU: ready soon, so it may answer while the members before it still compile.
  bool quick = false;
  // What DEVICE_PROPERTIES says for this member alone; wins over DevicePlan::properties.
  std::map<std::string, std::string> properties{};
  // The memory that the model takes, as --device_memory names it: see memory_of().
  std::string memory{};

  friend bool operator==(const PlanMember&, const PlanMember&) = default;
};

struct DevicePlan {
  // kAll: every member runs the model, and one that cannot fails the plan. kAny: every member that can, runs it.
  // kFirst: the first member that can, runs it; the others stand by.
  enum class Use : std::uint8_t { kAll, kAny, kFirst };
  Use use = Use::kAll;
  std::vector<PlanMember> members;  // by priority
  // kFirst, kAny: a quick member answers while better ones compile (ENABLE_STARTUP_FALLBACK, default yes).
  bool startup_fallback = true;
  // kFirst: another member takes over when the one that serves is lost (ENABLE_RUNTIME_FALLBACK, default yes).
  bool runtime_fallback = true;
  // BATCH: requests are put together before they reach the device.
  bool batching = false;
  std::optional<std::uint32_t> batch{};  // the size to wait for; empty: what proves best
  // How long the first request of a batch waits (AUTO_BATCH_TIMEOUT). Empty: not given; BATCH waits a second then, and
  // the server's own batching as its options say.
  std::optional<std::chrono::milliseconds> batch_timeout{};
  // Requests may be put together where nothing asked for it (ALLOW_AUTO_BATCHING, default yes). BATCH always does.
  bool automatic_batching = true;
  // plugin_config without what the plan itself has read.
  std::map<std::string, std::string> properties;
  // Of these, keys that belong to the list as well: no member need know them.
  std::set<std::string> list_keys{};
  // What of plugin_config is done in another way than it says, or not at all; sentences for the log.
  std::vector<std::string> remarks{};

  friend bool operator==(const DevicePlan&, const DevicePlan&) = default;
};

// Says which devices AUTO without a list tries, best first (automatic_devices.hpp). Asked only for such a plan, because
// it may load runtimes.
using AutomaticDevices = std::function<std::vector<std::string>()>;

// Rules:
//  - CPU is OpenVINO, with ONNX Runtime as its stand-in when OpenVINO cannot be loaded or cannot compile the model;
//  plugin_config RUNTIME, or CPU.OPENVINO and CPU.ONNXRUNTIME, choose that one only.
//  - NVIDIA is TensorRT, then CUDA, of ONNX Runtime; CUDA and TENSORRT are that provider or a failure.
//  - MYRIAD, HDDL and LEGACY.name are the OpenVINO of --openvino_legacy_dir in a worker process (openvino_c), which
//  says what to install when there is none.
//  - MULTI has a member for each device, all of which must work.
//  - AUTO has a member for each device of its list, or of automatic_devices() without those that "AUTO:-NAME" leaves
//  out, and uses the first that works; with PERFORMANCE_HINT=CUMULATIVE_THROUGHPUT all that work.
//  - HETERO over Intel devices is OpenVINO's, over NVIDIA devices and the CPU that of ONNX Runtime's providers.
//  - BATCH is this server's own batching on the device.
//  - plugin_config keys of the plan itself are taken out of properties: see plan_keys.hpp.
// Pure: whether a device is there shows when the plan is compiled. Errors: kInvalidArgument (a key above; NUM_STREAMS
// together with PERFORMANCE_HINT; RUNTIME where no CPU follows it; the processor twice in HETERO), kUnimplemented
// (HETERO over runtimes that cannot share a model).
Result<DevicePlan> make_plan(const DeviceExpression& expression,
                             const std::map<std::string, std::string>& plugin_config);

// For choosing by measuring: a plan that is a plain CPU, which either of two runtimes may serve, becomes one with a
// member for each (CPU.OPENVINO, CPU.ONNXRUNTIME), of which the first that works is used and the other stands by, as
// with AUTO. What plugin_config says is for both, and one that does not know a key of it is not used. Any other plan
// comes back as it is.
DevicePlan with_cpu_runtimes_apart(DevicePlan plan);

// parse_target_device() and make_plan() in one. automatic: empty: automatic_devices() of a machine that is not known.
Result<DevicePlan> make_plan(std::string_view target_device, const std::map<std::string, std::string>& plugin_config,
                             const std::vector<std::string>& simulated = {}, const AutomaticDevices& automatic = {});

}  // namespace ocelli::devices
