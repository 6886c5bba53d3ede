// FloodGuard: a token bucket against clients that keep a connection busy with frames that do no work.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.hpp"

namespace ocelli::transport {

// Not thread-safe.
class FloodGuard {
 public:
  // Starts full, with capacity tokens; per_second come back.
  FloodGuard(std::int64_t capacity, std::int64_t per_second) noexcept
      : capacity_(capacity), per_second_(per_second), tokens_(capacity) {}

  // Takes one token; false when there is none: the client floods.
  [[nodiscard]] bool spend(TimePoint now) noexcept {
    if (tokens_ == 0) refill(now);
    if (tokens_ == 0) return false;
    --tokens_;
    return true;
  }
  // Honest work gives tokens back.
  void earn(std::int64_t tokens) noexcept { tokens_ = std::min(capacity_, tokens_ + tokens); }

 private:
  void refill(TimePoint now) noexcept {
    const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(now - refilled_).count();
    tokens_ = elapsed >= 1000 * capacity_ / per_second_ ? capacity_ : elapsed * per_second_ / 1000;
    if (tokens_ != 0) refilled_ = now;
  }

  std::int64_t capacity_;
  std::int64_t per_second_;
  std::int64_t tokens_;
  TimePoint refilled_{};
};

}  // namespace ocelli::transport
