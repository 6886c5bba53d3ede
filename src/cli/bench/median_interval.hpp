// MedianInterval: what a few rounds tell about a median.
#pragma once

#include <cstddef>
#include <vector>

namespace ocelli::cli {

// From so many values on there is an interval of 95 %.
inline constexpr std::size_t kLeastForInterval = 6;

struct MedianInterval {
  double median = 0;
  // The ends hold the true median with 95 % or more, whatever the values' distribution. With fewer than
  // kLeastForInterval values no interval can; low and high are then the smallest and the largest value.
  double low = 0;
  double high = 0;
};

// Zeros when values is empty. The ends are order statistics, from the sign test (W. J. Conover, Practical Nonparametric
// Statistics, section 3.2): no random numbers, so that the same values always give the same interval.
MedianInterval median_interval(std::vector<double> values);

}  // namespace ocelli::cli
