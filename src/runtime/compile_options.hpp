// CompileOptions: everything that turns a model file into a program on a device.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "tensor/shape.hpp"

namespace ocelli {

// What is built into the graph in front of a model (OVMS: layout, mean, scale, color_format, precision). All optional.
struct PreprocessOptions {
  // Per input name ("" stands for the only input): "NHWC:NCHW" (clients send NHWC, the model has NCHW), "NCHW" (only
  // names the dimensions), "auto" leaves it to the model. Case-insensitive.
  std::map<std::string, std::string> layout;
  // Per channel, or one value for all: (x - mean) / scale. Empty: none.
  std::vector<float> mean;
  std::vector<float> scale;
  // "RGB", "BGR:RGB" (target:source); empty: none.
  std::string color_format;
  // "fp32" or "uint8:fp32" (what clients send : what the model has); empty: none.
  std::string precision;
};

struct CompileOptions {
  // Device in this runtime's own words: "CPU", "GPU.1", "AUTO:GPU,CPU"; for ONNX Runtime "CPU", "CUDA.0", "TENSORRT.0".
  std::string device = "CPU";
  // plugin_config: keys and values as the runtime spells them. An unknown key fails the compilation with its name.
  // Shared keys that every backend understands in its own way: PERFORMANCE_HINT, NUM_STREAMS, INFERENCE_NUM_THREADS,
  // INFERENCE_PRECISION_HINT, ENABLE_CPU_PINNING. Neither NUM_STREAMS nor PERFORMANCE_HINT given:
  // PERFORMANCE_HINT=LATENCY.
  std::map<std::string, std::string> properties;
  // New shapes per input name ("" stands for the only input), in the client's layout. Empty: as in the file.
  std::map<std::string, PartialShape> shapes;
  // New extent of every input's batch dimension; ignored when shapes is not empty.
  std::optional<Dimension> batch;
  PreprocessOptions preprocess;
  // Compiled-model cache folder; empty: none.
  std::string cache_dir;
  // Library with custom layers (--cpu_extension); empty: none.
  std::string extension_library;
  // Turns the loops of a recurrent model into variables that live between runs (--low_latency_transformation); OpenVINO
  // only.
  bool low_latency_transformation = false;
  // Asks a compilation to end early with kCancelled. Runtimes that cannot be interrupted finish; whoever asked drops
  // the result.
  std::stop_token stop;
  // Requests meant to be in flight (nireq); 0: the device's own optimum.
  std::uint32_t requests = 0;
};

// What really runs, asked of the runtime after compiling: the truth that metadata, log and metrics report.
struct ExecutionInfo {
  std::string runtime;          // "OpenVINO"
  std::string runtime_version;  // "2026.4.1-..."
  std::string device;           // devices that execute, e.g. "CPU", "GPU.0,CPU"
  std::string device_name;      // the hardware's own name
  std::string precision;        // "FP32", "BF16", "FP16": what the arithmetic runs in
  std::uint32_t streams = 1;
  std::uint32_t threads = 0;           // 0: unknown
  std::uint32_t optimal_requests = 1;  // requests in flight that fill the device
  // How many more may wait inside the runtime: it tells of a run's end on another thread, and without these its streams
  // would stand still until the next request has come to them.
  std::uint32_t requests_ahead = 0;
  bool loaded_from_cache = false;
  std::string note;  // one sentence when something differs from what was asked for; else empty
  // What the model takes of its device's memory; 0: the runtime does not say. Estimated: found from the size of the
  // model's files by whoever compiled it.
  std::uint64_t memory_bytes = 0;
  bool memory_estimated = false;
};

}  // namespace ocelli
