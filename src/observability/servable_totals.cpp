#include "observability/servable_totals.hpp"

#include <algorithm>

namespace ocelli::observability {
namespace {

std::uint64_t value_of(const Counter& counter) noexcept { return counter.load(std::memory_order_relaxed); }

constexpr std::uint64_t kNanosecondsPerMicrosecond = 1000;

}  // namespace

void HistogramTotals::add(const Histogram& histogram) noexcept {
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += histogram.count(i);
  sum_us += histogram.sum_us();
}

void ServableTotals::add(const ServableMetrics& metrics) noexcept {
  const auto now = Clock::now();
  for (std::size_t m = 0; m < kMethods; ++m) {
    for (std::size_t i = 0; i < kInterfaces; ++i) {
      success[m][i] += value_of(metrics.success[m][i]);
      fail[m][i] += value_of(metrics.fail[m][i]);
    }
  }
  for (std::size_t i = 0; i < kInterfaces; ++i) request_time[i].add(metrics.request_time[i]);
  inference_time.add(metrics.inference_time);
  wait_time.add(metrics.wait_time);
  current_requests += metrics.current_requests.load(std::memory_order_relaxed);
  streams = metrics.streams.load(std::memory_order_relaxed);
  infer_req_queue_size = metrics.infer_req_queue_size.load(std::memory_order_relaxed);
  infer_req_active += metrics.infer_req_active.load(std::memory_order_relaxed);
  queued_requests += metrics.queued_requests.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < kStatusCodes; ++i) errors[i] += value_of(metrics.errors[i]);
  for (std::size_t i = 0; i < batches.size(); ++i) batches[i] += value_of(metrics.batches[i].executions);
  for (std::size_t i = 0; i < kMaxDevices; ++i) {
    device_runs[i] += value_of(metrics.device_runs[i].count);
    device_busy_us[i] += value_of(metrics.device_runs[i].ns) / kNanosecondsPerMicrosecond;
    device_failures[i] += value_of(metrics.device_failures[i]);
    device_use[i] = std::max(device_use[i], metrics.device_use[i].share(now));
  }
  request_retries += value_of(metrics.request_retries);
  device_unloads += value_of(metrics.device_unloads);
  device_returns += value_of(metrics.device_returns);
  queue_time_us += value_of(metrics.stat_queue.ns) / kNanosecondsPerMicrosecond;
  inferences += value_of(metrics.inferences);
}

}  // namespace ocelli::observability
