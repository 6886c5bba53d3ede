#include "scheduling/device_speed.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include "scheduling/closed_loop.hpp"
#include "scheduling/synthetic_batch.hpp"

namespace ocelli::scheduling {

std::optional<DeviceSpeed> measure_speed(CompiledModel& model, std::uint32_t lanes, Duration slice) {
  if (!SyntheticBatch::possible(model.signature())) return std::nullopt;
  const SyntheticBatch batch(model.signature(), 1, false);
  if (lanes == 0) lanes = std::max<std::uint32_t>(1, model.info().optimal_requests);
  std::vector<std::unique_ptr<InferRequest>> requests;
  for (std::uint32_t i = 0; i < lanes; ++i) {
    auto request = model.create_request();
    if (!request.ok() || !batch.bind(**request).ok()) return std::nullopt;
    requests.push_back(std::move(*request));
  }
  // The first run of a request is slow in every runtime.
  if (!requests.front()->run().ok()) return std::nullopt;
  std::vector<Duration> times;
  for (const auto until = Clock::now() + slice; times.empty() || Clock::now() < until;) {
    const auto begun = Clock::now();
    if (!requests.front()->run().ok()) return std::nullopt;
    times.push_back(Clock::now() - begun);
  }
  std::ranges::nth_element(times, times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2));
  DeviceSpeed speed;
  speed.latency = times[times.size() / 2];
  speed.runs_per_second = ClosedLoop(requests.size()).run(requests, slice);
  if (speed.runs_per_second <= 0) return std::nullopt;
  return speed;
}

}  // namespace ocelli::scheduling
