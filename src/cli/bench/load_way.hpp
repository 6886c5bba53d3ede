// LoadWay: one way to reach a model, driven as fast as it goes.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.hpp"
#include "base/status.hpp"
#include "cli/bench/latency_histogram.hpp"

namespace ocelli::cli {

// What a measurement gave.
struct LoadResult {
  LatencyHistogram latency;
  double seconds = 0;  // wall clock from the first start to the last end
  // While all requests were in flight (see SteadyWindow); zero when the time was too short for that.
  std::uint64_t steady_ends = 0;
  double steady_seconds = 0;
  double cpu_seconds = 0;  // of this whole process, clients included
  std::uint64_t errors = 0;
  std::string first_error;

  // Requests per second while all were in flight; over the whole time where that was never so.
  [[nodiscard]] double rate() const noexcept {
    if (steady_seconds > 0) return static_cast<double>(steady_ends) / steady_seconds;
    return seconds > 0 ? static_cast<double>(latency.count()) / seconds : 0;
  }
  // Adds another slice of the same way.
  void add(const LoadResult& other);
};

// Used from one thread at a time.
class LoadWay {
 public:
  virtual ~LoadWay() = default;
  // "raw", "socket", "servable", "REST", "gRPC".
  [[nodiscard]] virtual std::string name() const = 0;
  // Keeps so many requests in flight for so long, then lets them end. Errors: no request can be made at all; single
  // failures are counted in the result.
  virtual Result<LoadResult> run(std::uint32_t concurrency, Duration duration) = 0;
};

// User and system time of this process so far, in seconds.
double process_cpu_seconds() noexcept;

}  // namespace ocelli::cli
