// ServableMetrics: everything that is counted for one version of a model or one pipeline. Written on the hot path,
// rendered by /metrics and by the KServe statistics extension.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/clock.hpp"
#include "base/status.hpp"
#include "observability/device_use.hpp"
#include "observability/histogram.hpp"

namespace ocelli::observability {

// The method label, which implies the api label (first three TensorFlowServing, last three KServe).
enum class Method : std::uint8_t {
  kPredict,
  kGetModelMetadata,
  kGetModelStatus,
  kModelInfer,
  kModelMetadata,
  kModelReady
};
inline constexpr std::size_t kMethods = 6;
enum class Interface : std::uint8_t { kGrpc, kRest };
inline constexpr std::size_t kInterfaces = 2;
inline constexpr std::size_t kStatusCodes = static_cast<std::size_t>(StatusCode::kUnavailable) + 1;
// Largest batch that has a bucket of its own; larger ones count as this.
inline constexpr std::size_t kMaxBatchBucket = 128;
// Devices of one plan that are counted apart; further ones count as the last.
inline constexpr std::size_t kMaxDevices = 8;

using Counter = std::atomic<std::uint64_t>;
using Gauge = std::atomic<std::int64_t>;

// A count and the time it took, for the statistics extension.
struct DurationCounter {
  Counter count{0};
  Counter ns{0};
  void add(Duration duration) noexcept {
    count.fetch_add(1, std::memory_order_relaxed);
    ns.fetch_add(static_cast<std::uint64_t>(std::chrono::nanoseconds(duration).count()), std::memory_order_relaxed);
  }
};

// The executions of one batch size and the time that they took: gathering inputs, running, handing out outputs.
struct BatchCounters {
  Counter executions{0};
  Counter input_ns{0};
  Counter infer_ns{0};
  Counter output_ns{0};
};

// All members are thread-safe and never allocate.
struct ServableMetrics {
  // By [method][interface]: ovms_requests_success, ovms_requests_fail.
  std::array<std::array<Counter, kInterfaces>, kMethods> success{};
  std::array<std::array<Counter, kInterfaces>, kMethods> fail{};
  // ovms_request_time_us by interface (successful requests only), ovms_inference_time_us,
  // ovms_wait_for_infer_req_time_us.
  std::array<Histogram, kInterfaces> request_time;
  Histogram inference_time;
  Histogram wait_time;
  // ovms_current_requests, ovms_streams, ovms_infer_req_queue_size, ovms_infer_req_active.
  Gauge current_requests{0};
  Gauge streams{0};
  Gauge infer_req_queue_size{0};
  Gauge infer_req_active{0};
  // Beyond OVMS: requests waiting now, failures by cause, executions by the calls in their batch.
  Gauge queued_requests{0};
  std::array<Counter, kStatusCodes> errors{};
  std::array<BatchCounters, kMaxBatchBucket + 1> batches{};
  // Executions, the time they took, and how busy the device is, by its position in the plan.
  std::array<DurationCounter, kMaxDevices> device_runs{};
  std::array<DeviceUse, kMaxDevices> device_use{};
  // Times that a device was taken out of use while it served, by its position in the plan; requests that ran again,
  // there or elsewhere, because their run failed.
  std::array<Counter, kMaxDevices> device_failures{};
  Counter request_retries{0};
  // Members of the plan that gave their memory back while they had no work, and that came back for a request.
  Counter device_unloads{0};
  Counter device_returns{0};
  // KServe statistics extension.
  DurationCounter stat_success, stat_fail, stat_queue, stat_compute_input, stat_compute_infer, stat_compute_output;
  Counter inferences{0};         // items
  Counter executions{0};         // batches
  Counter last_inference_ms{0};  // milliseconds since the epoch

  // A request for an inference that was refused before the servable was given it, for the statistics extension; the
  // servable counts all others.
  void request_refused(Duration took) noexcept { stat_fail.add(took); }

  // One finished request of a protocol method: success or failure, and its time when it succeeded (inference methods
  // only). The servable itself keeps current_requests and the statistics extension's counters.
  void request_done(Method method, Interface interface, const Status& status, Duration took) noexcept {
    const auto m = static_cast<std::size_t>(method);
    const auto i = static_cast<std::size_t>(interface);
    const bool inference = method == Method::kPredict || method == Method::kModelInfer;
    if (status.ok()) {
      success[m][i].fetch_add(1, std::memory_order_relaxed);
      if (inference) {
        request_time[i].observe(
            static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
      }
    } else {
      fail[m][i].fetch_add(1, std::memory_order_relaxed);
      errors[static_cast<std::size_t>(status.code())].fetch_add(1, std::memory_order_relaxed);
    }
  }
};

}  // namespace ocelli::observability
