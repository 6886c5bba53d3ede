// Histogram: counts of durations in OVMS's 33 buckets, lock-free.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace ocelli::observability {

// Upper bounds in microseconds, floor(10 * 1.8^i) for i = 0..32: OVMS's own buckets, so that its dashboards keep
// working.
inline constexpr std::array<std::uint64_t, 33> kBucketBoundsUs{
    10,      18,      32,       58,       104,      188,      340,       612,       1101,      1983,      3570,
    6426,    11568,   20822,    37481,    67466,    121439,   218591,    393464,    708235,    1274823,   2294682,
    4130428, 7434771, 13382588, 24088659, 43359586, 78047255, 140485060, 252873108, 455171596, 819308872, 1474755971};

// Thread-safe; observe() is wait-free. Readers may see a sum that is one observation ahead of the counts.
class Histogram {
 public:
  void observe(std::uint64_t microseconds) noexcept {
    std::size_t bucket = 0;
    while (bucket < kBucketBoundsUs.size() && microseconds > kBucketBoundsUs[bucket]) ++bucket;
    counts_[bucket].fetch_add(1, std::memory_order_relaxed);
    sum_us_.fetch_add(microseconds, std::memory_order_relaxed);
  }
  // Observations in bucket i alone (not cumulative); i = kBucketBoundsUs.size() is +Inf.
  [[nodiscard]] std::uint64_t count(std::size_t i) const noexcept { return counts_[i].load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t sum_us() const noexcept { return sum_us_.load(std::memory_order_relaxed); }

 private:
  std::array<std::atomic<std::uint64_t>, kBucketBoundsUs.size() + 1> counts_{};
  std::atomic<std::uint64_t> sum_us_{0};
};

}  // namespace ocelli::observability
