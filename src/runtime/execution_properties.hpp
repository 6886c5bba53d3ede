// ExecutionProperties: the plugin_config keys that every backend understands, read by one set of rules.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.hpp"

namespace ocelli {

// Values of PERFORMANCE_HINT.
enum class PerformanceHint : std::uint8_t { kNone, kLatency, kThroughput, kCumulativeThroughput };

// What was asked for; nothing given means PERFORMANCE_HINT=LATENCY, as OVMS has it.
struct ExecutionProperties {
  PerformanceHint hint = PerformanceHint::kNone;  // kNone only when streams is set
  std::optional<std::uint32_t> streams;           // NUM_STREAMS, >= 1; empty: not given or AUTO
  std::optional<std::uint32_t> threads;           // INFERENCE_NUM_THREADS, >= 1
  std::string precision;                          // INFERENCE_PRECISION_HINT as written ("f32"); empty: not given
  std::optional<bool> pinning;                    // ENABLE_CPU_PINNING
};

// Reads the shared keys and removes them from properties, so that what is left is the backend's own. Errors:
// kInvalidArgument naming the key and its value; NUM_STREAMS together with PERFORMANCE_HINT is refused.
Result<ExecutionProperties> take_execution_properties(std::map<std::string, std::string>& properties);

// Whether the key is one of these.
bool is_execution_property(std::string_view key) noexcept;

// Whether it is the one among them that only a processor has to know: INFERENCE_NUM_THREADS.
bool is_processor_property(std::string_view key) noexcept;

// The rule alone: kInvalidArgument when both NUM_STREAMS and PERFORMANCE_HINT are given.
Status check_streams_and_hint(const std::map<std::string, std::string>& properties);

}  // namespace ocelli
