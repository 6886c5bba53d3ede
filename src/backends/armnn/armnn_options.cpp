#include "backends/armnn/armnn_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <armnn/INetwork.hpp>
#include <armnn/Version.hpp>
#include <array>
#include <charconv>
#include <filesystem>
#include <string_view>

#include "base/letter_case.hpp"
#include "runtime/execution_properties.hpp"

namespace ocelli::arm_nn {
namespace {

constexpr std::uint32_t kMaxStreams = 64;

using Properties = std::map<std::string, std::string>;

struct Key {
  std::string_view name;
  bool cpu_acc;
  bool gpu_acc;
  bool of_model;  // given with the model: not in the oldest release
};
constexpr std::array<Key, 6> kKeys{{
    {"FastMathEnabled", true, true, true},
    {"NumberOfThreads", true, false, true},
    {"TuningLevel", false, true, false},
    {"TuningFile", false, true, false},
    {"SaveCachedNetwork", false, true, true},
    {"CachedNetworkFilePath", false, true, true},
}};

bool is_for(const Key& key, const std::string& backend) {
  return (backend == "CpuAcc" && key.cpu_acc) || (backend == "GpuAcc" && key.gpu_acc);
}

Status wrong(std::string_view key, std::string_view expected, std::string_view value) {
  return invalid_argument(fmt::format("plugin_config {}: {} expected, not \"{}\"", key, expected, value));
}

// Takes key out of properties; what is not there leaves *value as it is.
Status take_switch(Properties& properties, const std::string& key, bool* value) {
  const auto found = properties.find(key);
  if (found == properties.end()) return {};
  const std::string text = lower(found->second);
  const bool on = text == "true" || text == "yes" || text == "1";
  if (!on && text != "false" && text != "no" && text != "0") return wrong(key, "true or false", found->second);
  *value = on;
  properties.erase(found);
  return {};
}

Status take_number(Properties& properties, const std::string& key, int least, int most, std::optional<int>* value) {
  const auto found = properties.find(key);
  if (found == properties.end()) return {};
  const std::string& text = found->second;
  int number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || stop != text.data() + text.size() || number < least || number > most)
    return wrong(key, fmt::format("a number from {} to {}", least, most), text);
  *value = number;
  properties.erase(found);
  return {};
}

void take_text(Properties& properties, const std::string& key, std::string* value) {
  const auto found = properties.find(key);
  if (found == properties.end()) return;
  *value = found->second;
  properties.erase(found);
}

// A key of another backend, or of a newer release, would otherwise be ignored by ARM NN without a word.
Status check_keys(const std::string& backend, const Properties& properties, bool takes_model_options) {
  for (const auto& [name, value] : properties) {
    if (name == "ReduceFp32ToFp16") continue;
    const auto key = std::find_if(kKeys.begin(), kKeys.end(), [&](const Key& known) { return known.name == name; });
    if (key == kKeys.end())
      return invalid_argument(fmt::format("plugin_config key {} is not known to ARM NN's {}", name, backend));
    if (!is_for(*key, backend)) {
      return invalid_argument(fmt::format("plugin_config key {} is for {}, not for {}", name,
                                          key->cpu_acc && key->gpu_acc ? "CpuAcc and GpuAcc"
                                          : key->cpu_acc               ? "CpuAcc"
                                                                       : "GpuAcc",
                                          backend));
    }
    if (key->of_model && !takes_model_options) {
      return invalid_argument(
          fmt::format("plugin_config key {} needs ARM NN 21.05 or newer (its version 25.0.0); this library is {}", name,
                      ARMNN_VERSION));
    }
  }
  return {};
}

Status check_files(const ArmnnOptions& options) {
  std::error_code error;
  if (options.save_cached_network && options.cached_network.empty())
    return invalid_argument("plugin_config SaveCachedNetwork needs CachedNetworkFilePath");
  if (!options.cached_network.empty() && !options.save_cached_network &&
      !std::filesystem::is_regular_file(options.cached_network, error)) {
    return invalid_argument(
        fmt::format("plugin_config CachedNetworkFilePath: {} is not there; SaveCachedNetwork=true writes it",
                    options.cached_network));
  }
  if (options.tuning_level != 0) return {};
  if (options.tuning_file.empty()) return invalid_argument("plugin_config TuningLevel=0 needs TuningFile");
  if (!std::filesystem::is_regular_file(options.tuning_file, error)) {
    return invalid_argument(
        fmt::format("plugin_config TuningFile: {} is not there; TuningLevel 1, 2 or 3 writes it", options.tuning_file));
  }
  return {};
}

Status read_precision(const std::string& hint, ArmnnOptions& result) {
  const std::string precision = lower(hint);
  if (precision.empty() || precision == "f32" || precision == "fp32") {
    if (result.reduce_to_half && !precision.empty()) {
      return invalid_argument("plugin_config: ReduceFp32ToFp16 and INFERENCE_PRECISION_HINT=f32 contradict each other");
    }
    return {};
  }
  if (precision != "f16" && precision != "fp16") {
    return invalid_argument(
        fmt::format("plugin_config INFERENCE_PRECISION_HINT is {}; ARM NN computes in f32 or f16", hint));
  }
  result.reduce_to_half = true;
  return {};
}

// The reference backend computes one run on one thread, so more threads are more streams.
void plan_threads(const ExecutionProperties& asked, std::uint32_t cores, ArmnnOptions& result) {
  const std::uint32_t threads = asked.threads.value_or(std::max(1U, cores));
  const bool throughput =
      asked.hint == PerformanceHint::kThroughput || asked.hint == PerformanceHint::kCumulativeThroughput;
  if (result.backend != "CpuRef") {
    result.streams = asked.streams.value_or(1);
    result.threads = threads;
    return;
  }
  result.streams = asked.streams.value_or(throughput ? threads : 1);
  result.threads = result.streams;
  if (asked.threads && *asked.threads > result.streams) {
    result.note = fmt::format("CpuRef computes one run on one thread, so {} of the {} threads are used", result.streams,
                              *asked.threads);
  }
}

}  // namespace

bool knows_property(const std::string& backend, const std::string& key) {
  if (is_execution_property(key)) return key != "ENABLE_CPU_PINNING";
  if (key == "ReduceFp32ToFp16") return true;
  const auto known = std::find_if(kKeys.begin(), kKeys.end(), [&](const Key& each) { return each.name == key; });
  return known != kKeys.end() && (backend.empty() || is_for(*known, backend));
}

bool has_model_options() {
  return []<typename Options>(const Options*) {
    return requires(Options& options) { options.m_ModelOptions; };
  }(static_cast<const ::armnn::OptimizerOptions*>(nullptr));
}

Result<ArmnnOptions> read_options(const std::string& backend, const CompileOptions& options, std::uint32_t cores,
                                  bool takes_model_options) {
  Properties properties = options.properties;
  const auto asked = take_execution_properties(properties);
  if (!asked.ok()) return asked.status();
  ArmnnOptions result;
  result.backend = backend;
  if (asked->pinning.value_or(false))
    return invalid_argument("plugin_config ENABLE_CPU_PINNING: ARM NN cannot pin its threads to processors");
  if (auto status = check_keys(backend, properties, takes_model_options); !status.ok()) return status;
  auto status = take_switch(properties, "ReduceFp32ToFp16", &result.reduce_to_half);
  if (status.ok()) status = take_switch(properties, "FastMathEnabled", &result.fast_math);
  if (status.ok()) status = take_switch(properties, "SaveCachedNetwork", &result.save_cached_network);
  if (status.ok()) status = take_number(properties, "TuningLevel", 0, 3, &result.tuning_level);
  if (status.ok()) status = take_number(properties, "NumberOfThreads", 1, 64, &result.acc_threads);
  if (status.ok()) status = read_precision(asked->precision, result);
  if (!status.ok()) return status;
  take_text(properties, "TuningFile", &result.tuning_file);
  take_text(properties, "CachedNetworkFilePath", &result.cached_network);
  if (status = check_files(result); !status.ok()) return status;
  plan_threads(*asked, cores, result);
  if (result.streams > kMaxStreams) {
    return invalid_argument(
        fmt::format("plugin_config NUM_STREAMS is {}: ARM NN needs a copy of the network for each; at "
                    "most {} are made",
                    result.streams, kMaxStreams));
  }
  if (backend == "CpuAcc" && asked->threads && !result.acc_threads) {
    if (takes_model_options) {
      result.acc_threads = static_cast<int>(std::min(*asked->threads, 64U));
    } else {
      result.note = fmt::format("ARM NN {} chooses the number of CpuAcc's threads itself; 21.05 or newer can be told",
                                ARMNN_VERSION);
    }
  }
  return result;
}

}  // namespace ocelli::arm_nn
