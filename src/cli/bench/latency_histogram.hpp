// LatencyHistogram: how long many requests took, in little memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.hpp"

namespace ocelli::cli {

// Buckets are linear within each power of two (as HdrHistogram has them), so that a percentile is at most 1.6 % too
// high. A value; not thread-safe: each worker fills its own and they are added up.
class LatencyHistogram {
 public:
  // Counts one latency; negative ones count as zero.
  void record(Duration latency) noexcept;
  // Adds what another one counted.
  void add(const LatencyHistogram& other) noexcept;

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  // The latency in microseconds that the fraction (0 to 1) of all requests did not exceed; 0 when nothing was counted.
  [[nodiscard]] double percentile_us(double fraction) const noexcept;
  // Requests with a latency in [from, to) microseconds, to the precision of the buckets.
  [[nodiscard]] std::uint64_t between_us(double from, double to) const noexcept;
  [[nodiscard]] double mean_us() const noexcept { return count_ == 0 ? 0 : sum_us_ / static_cast<double>(count_); }

 private:
  static constexpr std::size_t kLinearBits = 6;  // 64 buckets per power of two
  static constexpr std::size_t kLinear = std::size_t{1} << kLinearBits;
  static constexpr std::size_t kPowers = 40 - kLinearBits;  // up to 2^40 ns, some 18 minutes
  static constexpr std::size_t kBuckets = (kPowers + 1) * kLinear;

  static std::size_t bucket_of(std::uint64_t nanoseconds) noexcept;
  static double upper_us(std::size_t bucket) noexcept;

  std::array<std::uint32_t, kBuckets> counts_{};
  std::uint64_t count_ = 0;
  double sum_us_ = 0;
};

}  // namespace ocelli::cli
