// Priority levels as KServe and Triton clients send them.
#pragma once

#include <cstdint>

namespace ocelli::serving {

// Level 1 is the highest and larger numbers come later; 0 means that the client gave none, which comes after every
// level that was given. The result is InferenceCall::priority, where higher comes first.
constexpr std::int32_t priority_of_level(std::uint64_t level) noexcept {
  constexpr std::uint64_t kLowest = 1'000'000;
  if (level == 0) return 0;
  return static_cast<std::int32_t>(level >= kLowest ? 1 : kLowest + 1 - level);
}

}  // namespace ocelli::serving
