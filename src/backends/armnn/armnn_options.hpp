// ArmnnOptions: CompileOptions as ARM NN takes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/status.hpp"
#include "runtime/compile_options.hpp"

namespace ocelli::arm_nn {

// The keys of plugin_config are ARM NN's own: ReduceFp32ToFp16, FastMathEnabled, NumberOfThreads, TuningLevel,
// TuningFile, SaveCachedNetwork, CachedNetworkFilePath.
struct ArmnnOptions {
  std::string backend;               // "CpuRef", "CpuAcc", "GpuAcc"
  bool reduce_to_half = false;       // FP32 models computed in FP16 ("fp16 turbo")
  bool fast_math = false;            // Winograd and other inexact kernels; CpuAcc and GpuAcc
  std::optional<int> tuning_level;   // GpuAcc: 0 only read the file, 1 rapid, 2 normal, 3 exhaustive
  std::string tuning_file;           // GpuAcc
  bool save_cached_network = false;  // GpuAcc: write the compiled kernels to cached_network
  std::string cached_network;        // GpuAcc: the file they are read from
  std::uint32_t threads = 1;         // of all streams together
  std::optional<int> acc_threads;    // CpuAcc: NumberOfThreads; empty: its own choice
  std::uint32_t streams = 1;         // copies of the network that run at the same time
  std::string note;

  [[nodiscard]] bool needs_own_runtime() const noexcept { return tuning_level.has_value() || !tuning_file.empty(); }
};

// Whether this release of ARM NN takes options for one model (20.11 and newer).
bool has_model_options();

// Whether the key may be given for the backend; empty: for any of them. A release that is too old for the key refuses
// it in read_options().
bool knows_property(const std::string& backend, const std::string& key);

// Errors: kInvalidArgument naming a key that is unknown, has a wrong value, belongs to another backend, or that this
// release of ARM NN does not have, and a file that is to be read and is not there, which ARM NN would pass over.
// takes_model_options: of the release; tests ask for another one's answer.
Result<ArmnnOptions> read_options(const std::string& backend, const CompileOptions& options, std::uint32_t cores,
                                  bool takes_model_options = has_model_options());

}  // namespace ocelli::arm_nn
