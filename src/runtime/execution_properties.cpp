#include "runtime/execution_properties.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace ocelli {
namespace {

constexpr std::array<std::string_view, 5> kSharedKeys{"PERFORMANCE_HINT", "NUM_STREAMS", "INFERENCE_NUM_THREADS",
                                                      "INFERENCE_PRECISION_HINT", "ENABLE_CPU_PINNING"};

Status bad_value(const std::string& key, const std::string& value, std::string_view expected) {
  return invalid_argument(fmt::format("plugin_config {} is {}; expected {}", key, value, expected));
}

// The value of a key, which is removed; empty when it is not there.
std::optional<std::string> take(std::map<std::string, std::string>& properties, const char* key) {
  const auto node = properties.extract(key);
  if (node.empty()) return std::nullopt;
  return node.mapped();
}

Result<std::uint32_t> positive(const std::string& key, const std::string& value) {
  constexpr std::uint32_t kMost = 4096;
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || number < 1 || number > kMost) {
    return bad_value(key, value, fmt::format("a number from 1 to {}", kMost));
  }
  return number;
}

Result<PerformanceHint> parse_hint(const std::string& value) {
  if (value == "LATENCY") return PerformanceHint::kLatency;
  if (value == "THROUGHPUT") return PerformanceHint::kThroughput;
  if (value == "CUMULATIVE_THROUGHPUT") return PerformanceHint::kCumulativeThroughput;
  return bad_value("PERFORMANCE_HINT", value, "LATENCY, THROUGHPUT or CUMULATIVE_THROUGHPUT");
}

Result<bool> parse_flag(const std::string& key, const std::string& value) {
  if (value == "YES" || value == "true" || value == "TRUE" || value == "1") return true;
  if (value == "NO" || value == "false" || value == "FALSE" || value == "0") return false;
  return bad_value(key, value, "YES, NO, true or false");
}

}  // namespace

bool is_execution_property(std::string_view key) noexcept {
  return std::ranges::find(kSharedKeys, key) != kSharedKeys.end();
}

bool is_processor_property(std::string_view key) noexcept { return key == "INFERENCE_NUM_THREADS"; }

Status check_streams_and_hint(const std::map<std::string, std::string>& properties) {
  if (!properties.contains("NUM_STREAMS") || !properties.contains("PERFORMANCE_HINT")) return {};
  return invalid_argument(
      "plugin_config: NUM_STREAMS and PERFORMANCE_HINT cannot be given together; the hint chooses the streams");
}

Result<ExecutionProperties> take_execution_properties(std::map<std::string, std::string>& properties) {
  if (auto status = check_streams_and_hint(properties); !status.ok()) return status;
  ExecutionProperties result;
  const auto streams = take(properties, "NUM_STREAMS");
  if (streams && *streams != "AUTO") {
    auto number = positive("NUM_STREAMS", *streams);
    if (!number.ok()) return number.status();
    result.streams = *number;
  }
  if (const auto value = take(properties, "PERFORMANCE_HINT")) {
    auto hint = parse_hint(*value);
    if (!hint.ok()) return hint.status();
    result.hint = *hint;
  } else if (streams) {
    result.hint = result.streams ? PerformanceHint::kNone : PerformanceHint::kThroughput;
  } else {
    result.hint = PerformanceHint::kLatency;
  }
  if (const auto value = take(properties, "INFERENCE_NUM_THREADS")) {
    auto number = positive("INFERENCE_NUM_THREADS", *value);
    if (!number.ok()) return number.status();
    result.threads = *number;
  }
  if (auto value = take(properties, "INFERENCE_PRECISION_HINT")) result.precision = std::move(*value);
  if (const auto value = take(properties, "ENABLE_CPU_PINNING")) {
    auto flag = parse_flag("ENABLE_CPU_PINNING", *value);
    if (!flag.ok()) return flag.status();
    result.pinning = *flag;
  }
  return result;
}

}  // namespace ocelli
