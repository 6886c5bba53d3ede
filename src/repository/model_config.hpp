// ModelConfig: everything that is said about one model, on the command line or in one entry of model_config_list.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "repository/version_policy.hpp"
#include "runtime/compile_options.hpp"
#include "tensor/data_type.hpp"
#include "tensor/shape.hpp"

namespace ocelli::repository {

// batch_size. kFromModel: as in the file. kSet: every input's batch dimension becomes `extent` (fixed, a range, or
// any). kAuto: recompiled to whatever batch a request brings.
struct BatchParameter {
  enum class Kind : std::uint8_t { kFromModel, kSet, kAuto };
  Kind kind = Kind::kFromModel;
  Dimension extent{};  // for kSet

  friend bool operator==(const BatchParameter&, const BatchParameter&) = default;
};

// shape of one input: new extents, or "auto": recompiled to whatever shape a request brings.
struct ShapeParameter {
  bool automatic = false;
  PartialShape extents{};  // when not automatic

  friend bool operator==(const ShapeParameter&, const ShapeParameter&) = default;
};

// layout, mean, scale, color_format and precision, as runtime/compile_options.hpp describes them. The texts are kept as
// written, so that two configurations can be compared.
struct PreprocessParameters {
  std::map<std::string, std::string> layout;  // per input; "" stands for the only input
  std::string mean;                           // "1.5", "(1,2,3)" or "[1,2,3]"
  std::string scale;
  std::string color_format;
  std::string precision;

  friend bool operator==(const PreprocessParameters&, const PreprocessParameters&) = default;
};

// How a model that keeps state between requests is served.
struct StatefulParameters {
  bool enabled = false;
  bool idle_sequence_cleanup = true;
  bool low_latency_transformation = false;
  std::uint32_t max_sequence_number = 500;

  friend bool operator==(const StatefulParameters&, const StatefulParameters&) = default;
};

// How requests for one model are put together, where a load request says so (Triton's dynamic_batching); wins over the
// server's options.
struct BatchingParameter {
  static constexpr std::uint32_t kMostItems = 4096;  // that are put together, also by the server's options
  static constexpr std::size_t kMostPreferred = 64;

  std::vector<std::uint32_t> preferred_sizes;  // waited for within max_delay_us; empty: the largest usable size
  std::uint32_t max_delay_us = 0;              // how long a request may wait for company
  std::optional<std::uint32_t> max_items{};    // empty: the server's

  friend bool operator==(const BatchingParameter&, const BatchingParameter&) = default;
};

// What a load request says of an input or output (Triton's input and output): the model must be so, or is not loaded.
struct ExpectedTensor {
  std::string name;                // as clients call it
  std::optional<DataType> type{};  // empty: not said
  bool has_dims = false;
  std::vector<std::int64_t> dims{};  // -1: any extent
  bool batch_apart = false;          // dims leave out the batch, which is the first dimension

  friend bool operator==(const ExpectedTensor&, const ExpectedTensor&) = default;
};

// A plain value; two equal ones need no reload. Made by model_config_from_flags() or by the parser of config.json, both
// of which have checked it.
struct ModelConfig {
  // Above this nireq is refused (OVMS's limit).
  static constexpr std::uint32_t kMaxRequests = 100'000;

  std::string name;
  // Folder of version folders, or one model file that is served as version 1. Relative to the working directory.
  std::string base_path;
  VersionPolicy version_policy;
  BatchParameter batch;
  // Per input; "" stands for the only input. Not empty: batch is ignored.
  std::map<std::string, ShapeParameter> shapes;
  PreprocessParameters preprocess;
  // Requests in flight; 0: the global value (RepositoryOptions::nireq), else the device's optimum.
  std::uint32_t nireq = 0;
  std::string target_device = "CPU";
  // Passed to the device; values in text form ("true", "4").
  std::map<std::string, std::string> plugin_config;
  // Unused for so long, the model gives its device's memory back; 0: never; empty: as the server's
  // --idle_unload_seconds says.
  std::optional<std::uint32_t> idle_unload_seconds{};
  // Use the compiled-model cache even with auto shape or batch.
  bool allow_cache = false;
  StatefulParameters stateful;
  // Empty: as the server's options say.
  std::optional<BatchingParameter> batching{};
  // Checked when the model is loaded; tensors that are not listed may be as they like.
  std::vector<ExpectedTensor> expected_inputs{};
  std::vector<ExpectedTensor> expected_outputs{};
  // Custom loaders and MediaPipe graphs are accepted here and refused with a clear error when the model is loaded.
  std::string custom_loader;
  std::string graph_path;

  // True when a request may lead to recompiling.
  [[nodiscard]] bool automatic() const noexcept;
  friend bool operator==(const ModelConfig&, const ModelConfig&) = default;
};

// The per-model flags of the command line, each as it was typed; empty text: not given.
struct ModelFlags {
  std::string model_name;            // required
  std::string model_path;            // required
  std::string batch_size;            // "8", "auto", "1:8", "-1"
  std::string shape;                 // "(1,3,224,224)", "auto", or a JSON object input -> shape
  std::string layout;                // "NHWC:NCHW" or a JSON object input -> layout
  std::string mean;                  // "1.5", "(1,2,3)", "[1,2,3]"; needs layout
  std::string scale;                 // like mean
  std::string color_format;          // "RGB", "BGR:RGB"; needs layout
  std::string precision;             // "fp32", "uint8:fp32"; needs layout
  std::string model_version_policy;  // JSON text
  std::optional<std::uint32_t> nireq;
  std::string target_device;  // default CPU
  std::string plugin_config;  // JSON object
  bool stateful = false;
  std::optional<bool> idle_sequence_cleanup;
  std::optional<bool> low_latency_transformation;
  std::optional<std::uint32_t> max_sequence_number;
};

// Checks and parses every value; kInvalidArgument names the flag, what was expected and what was given.
Result<ModelConfig> model_config_from_flags(const ModelFlags& flags);

}  // namespace ocelli::repository
