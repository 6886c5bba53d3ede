// MetricFamily: the metric names that this server knows. MetricSelection: those that it shows.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/status.hpp"

namespace ocelli::observability {

// OVMS's own families by their own names, then ours. The graph families exist so that they can be named in
// --metrics_list; without generative graphs they have no series.
enum class MetricFamily : std::uint8_t {
  kRequestsSuccess,
  kRequestsFail,
  kRequestTime,
  kInferenceTime,
  kWaitForInferReqTime,
  kStreams,
  kCurrentRequests,
  kInferReqQueueSize,
  kInferReqActive,
  kCurrentGraphs,
  kRequestsAccepted,
  kRequestsRejected,
  kResponses,
  kGraphError,
  kGraphProcessingTime,
  kGraphRequestLatency,
  kModelDevice,
  kDeviceBusy,
  kDeviceUtilization,
  kDeviceRuns,
  kDeviceFailures,
  kRequestRetries,
  kModelUnloads,
  kModelReturns,
  kDeviceMemoryLimit,
  kDeviceMemoryUsed,
  kQueuedRequests,
  kQueueTime,
  kBatchSize,
  kInferences,
  kRequestErrors,
  kConnections,
  kConnectionsAccepted,
  kProcessMemory,
  kProcessCpu,
  kProcessThreads,
  kProcessOpenFiles,
  kProcessStart,
};
inline constexpr std::size_t kMetricFamilies = static_cast<std::size_t>(MetricFamily::kProcessStart) + 1;

// Prometheus's own words for the kinds of a family.
enum class MetricType : std::uint8_t { kCounter, kGauge, kHistogram };
// "counter", "gauge", "histogram".
std::string_view metric_type_name(MetricType type) noexcept;

// One row of the table of families; help is OVMS's text where the family is OVMS's.
struct MetricFamilyInfo {
  MetricFamily family;
  std::string_view name;
  MetricType type;
  bool default_on;
  std::string_view help;
};

// All families, in the order of the enumerators, which is also the order of the page. Thread-safe.
std::span<const MetricFamilyInfo> metric_families() noexcept;
// The row of one family.
const MetricFamilyInfo& metric_family_info(MetricFamily family) noexcept;

// Which families are shown. A value; const access is thread-safe.
class MetricSelection {
 public:
  // Those that are on by default.
  static MetricSelection defaults() noexcept;
  // From --metrics_list: names separated by commas, blanks around them ignored; they replace the defaults. Error:
  // kInvalidArgument "Invalid name in metrics_list - NAME".
  static Result<MetricSelection> parse(std::string_view comma_separated);

  // Whether the family is shown.
  [[nodiscard]] bool has(MetricFamily family) const noexcept { return shown_[static_cast<std::size_t>(family)]; }
  // Shows one more family.
  void add(MetricFamily family) noexcept { shown_.set(static_cast<std::size_t>(family)); }
  friend bool operator==(const MetricSelection&, const MetricSelection&) = default;

 private:
  std::bitset<kMetricFamilies> shown_;
};

}  // namespace ocelli::observability
