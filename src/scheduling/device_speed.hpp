// DeviceSpeed: how fast a compiled model is on its device, measured with made-up inputs.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.hpp"
#include "runtime/compiled_model.hpp"

namespace ocelli::scheduling {

struct DeviceSpeed {
  double runs_per_second = 0;  // with all of its lanes busy
  Duration latency{};          // of one run alone, median of several

  friend bool operator==(const DeviceSpeed&, const DeviceSpeed&) = default;
};

// lanes: runs in flight; 0: what the device says fills it. Takes about twice `slice`, or two runs where these are
// slower. Empty when inputs cannot be made up for the model, or a run fails. Not while the model's requests run.
std::optional<DeviceSpeed> measure_speed(CompiledModel& model, std::uint32_t lanes, Duration slice);

}  // namespace ocelli::scheduling
