#include "cli/bench/latency_histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace ocelli::cli {
namespace {

constexpr double kNanosecondsPerMicrosecond = 1000;

}  // namespace

std::size_t LatencyHistogram::bucket_of(std::uint64_t nanoseconds) noexcept {
  if (nanoseconds < kLinear) return nanoseconds;
  const auto power = static_cast<std::size_t>(std::bit_width(nanoseconds)) - 1 - kLinearBits;
  const auto bucket = (power + 1) * kLinear + (nanoseconds >> power) - kLinear;
  return std::min(bucket, kBuckets - 1);
}

double LatencyHistogram::upper_us(std::size_t bucket) noexcept {
  if (bucket < kLinear) return static_cast<double>(bucket + 1) / kNanosecondsPerMicrosecond;
  const auto power = bucket / kLinear - 1;
  const auto upper = static_cast<double>((bucket % kLinear + kLinear + 1) << power);
  return upper / kNanosecondsPerMicrosecond;
}

void LatencyHistogram::record(Duration latency) noexcept {
  const auto nanoseconds = std::max<std::int64_t>(0, std::chrono::nanoseconds(latency).count());
  ++counts_[bucket_of(static_cast<std::uint64_t>(nanoseconds))];
  ++count_;
  sum_us_ += static_cast<double>(nanoseconds) / kNanosecondsPerMicrosecond;
}

void LatencyHistogram::add(const LatencyHistogram& other) noexcept {
  for (std::size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  sum_us_ += other.sum_us_;
}

double LatencyHistogram::percentile_us(double fraction) const noexcept {
  if (count_ == 0) return 0;
  const auto wanted = static_cast<std::uint64_t>(std::ceil(fraction * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += counts_[i];
    if (seen >= wanted && seen > 0) return upper_us(i);
  }
  return upper_us(kBuckets - 1);
}

std::uint64_t LatencyHistogram::between_us(double from, double to) const noexcept {
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    const auto upper = upper_us(i);
    if (upper > from && upper <= to) seen += counts_[i];
  }
  return seen;
}

}  // namespace ocelli::cli
