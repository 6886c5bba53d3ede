// ServableTotals: plain numbers read from one or several ServableMetrics, ready to be rendered.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "observability/servable_metrics.hpp"

namespace ocelli::observability {

// Counts of one histogram; buckets as in kBucketBoundsUs, the last is +Inf.
struct HistogramTotals {
  std::array<std::uint64_t, kBucketBoundsUs.size() + 1> counts{};
  std::uint64_t sum_us = 0;
  void add(const Histogram& histogram) noexcept;
};

// Sums of everything that is rendered. During a reload two generations of one version exist for a while; their counts
// are added up, so that no series appears twice. A value.
struct ServableTotals {
  std::array<std::array<std::uint64_t, kInterfaces>, kMethods> success{};
  std::array<std::array<std::uint64_t, kInterfaces>, kMethods> fail{};
  std::array<HistogramTotals, kInterfaces> request_time{};
  HistogramTotals inference_time{};
  HistogramTotals wait_time{};
  std::int64_t current_requests = 0;
  std::int64_t streams = 0;               // of the generation added last
  std::int64_t infer_req_queue_size = 0;  // of the generation added last
  std::int64_t infer_req_active = 0;
  std::int64_t queued_requests = 0;
  std::array<std::uint64_t, kStatusCodes> errors{};
  std::array<std::uint64_t, kMaxBatchBucket + 1> batches{};
  std::array<std::uint64_t, kMaxDevices> device_runs{};
  std::array<std::uint64_t, kMaxDevices> device_busy_us{};
  std::array<double, kMaxDevices> device_use{};  // the highest of all generations
  std::array<std::uint64_t, kMaxDevices> device_failures{};
  std::uint64_t request_retries = 0;
  std::uint64_t device_unloads = 0;
  std::uint64_t device_returns = 0;
  std::uint64_t queue_time_us = 0;
  std::uint64_t inferences = 0;

  // Adds what metrics hold at this moment.
  void add(const ServableMetrics& metrics) noexcept;
};

}  // namespace ocelli::observability
