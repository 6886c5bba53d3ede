// BatchingOptions: whether and how several waiting requests of one model run together.
#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.hpp"

namespace ocelli::scheduling {

// When calls are put together.
enum class BatchingMode : std::uint8_t {
  kOff,   // never
  kAuto,  // measure at load; only batch sizes that pay are used
  kOn,    // every size up to max_items that proves correct, without measuring the gain
};

struct BatchingOptions {
  BatchingMode mode = BatchingMode::kAuto;
  // It was asked for with this model: why it is not done is said in the device's note.
  bool asked_for = false;
  // Most items in one run. Powers of two and the preferred sizes up to it are considered.
  std::uint32_t max_items = 16;
  // How long a request may wait for company although a device is free. Zero: only what waits already runs together.
  Duration max_delay = Duration::zero();
  // Sizes that are run as soon as so many items wait, when max_delay is not zero. Empty: only the largest usable size.
  std::vector<std::uint32_t> preferred_sizes;
  // Longest time that measuring may take at load.
  Duration probe_limit = std::chrono::seconds(2);
  // A size is used when it brings at least this many times the items per second of single runs.
  double least_gain = 1.05;
};

}  // namespace ocelli::scheduling
