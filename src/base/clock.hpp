// The one clock of the program: monotonic, for deadlines and durations.
#pragma once

#include <chrono>

namespace ocelli {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

// "No deadline."
inline constexpr TimePoint kNever = TimePoint::max();

}  // namespace ocelli
