// SimulatedSettings: what the simulated devices are, read from BackendContext::settings.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"
#include "runtime/model_signature.hpp"

namespace ocelli::simulated {

// One device. The JSON keys are the members' names; every key but "name" may be left out.
struct DeviceSettings {
  std::string name;                // "SIM.0"; what CompileOptions::device says
  std::string full_name;           // default: "Simulated device"
  std::string kind = "virtual";    // "cpu", "gpu", "npu", "virtual"
  bool discrete = false;           // a GPU with memory of its own, which AUTO without a list prefers
  std::uint64_t memory_bytes = 0;  // 0: unlimited; models take model_bytes of it while loaded
  std::uint64_t model_bytes = 0;   // what one loaded model takes, unless its simulated.json says "memory_bytes"
  std::string precision = "FP32";  // reported in ExecutionInfo
  std::uint32_t streams = 1;       // runs at the same time; more wait in order
  std::string mode = "timed";      // "timed", or "instant": start() completes on the caller's thread before it returns
  std::chrono::microseconds service_time_us{0};   // of one run
  std::chrono::microseconds per_item_time_us{0};  // and for each element of the batch
  std::chrono::microseconds compile_time_us{0};
  std::string compile_error;  // not empty: compiling fails with kFailedPrecondition and this text
  std::string run_error;      // not empty: runs fail with run_error_code and this text
  StatusCode run_error_code = StatusCode::kInternal;  // by name: "INTERNAL", "RESOURCE_EXHAUSTED"
  std::uint64_t run_error_every = 1;                  // only each n-th run fails
  std::optional<std::uint64_t> die_after_runs;  // the device is lost after so many runs: kUnavailable from then on
  std::chrono::microseconds lost_for_us{0};     // how long it is lost, once; 0: for ever
  std::uint32_t largest_batch = 0;              // runs of more items fail with kResourceExhausted; 0: no limit
  bool honours_cancel = true;                   // false: a cancelled run ends in its own time with its result
};

// {"devices": [{...}], "signature": {"inputs": [...], "outputs": [...]}}
struct SimulatedSettings {
  std::vector<DeviceSettings> devices;
  // For model files without a simulated.json beside them.
  std::optional<ModelSignature> signature;
};

// An empty text gives no devices. Errors: kInvalidArgument naming the key.
Result<SimulatedSettings> parse_settings(std::string_view json);

// {"inputs": [{"name": "x", "type": "FP32", "shape": [-1, 16], "layout": "NC"}], "outputs": [...]}; an extent is a
// number, -1 for any, or "1:8" for a range. Outputs' dynamic extents follow the same axis of the first input. Errors:
// kInvalidArgument naming the key.
Result<ModelSignature> parse_signature(std::string_view json);

// What a simulated.json says about the memory that its model takes: "memory_bytes"; empty: nothing. Errors:
// kInvalidArgument naming the key.
Result<std::optional<std::uint64_t>> parse_memory_bytes(std::string_view json);

}  // namespace ocelli::simulated
