// Sizes in bytes, as people read them.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>

namespace ocelli::inventory {

inline constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;
inline constexpr std::uint64_t kGiB = std::uint64_t{1} << 30U;

// "64 MiB", "7.7 GiB".
inline std::string size_text(std::uint64_t bytes) {
  if (bytes < kGiB) return fmt::format("{} MiB", bytes / kMiB);
  return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / static_cast<double>(kGiB));
}

}  // namespace ocelli::inventory
