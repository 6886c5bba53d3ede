#include "cli/bench/median_interval.hpp"

#include <algorithm>
#include <cmath>

namespace ocelli::cli {
namespace {

constexpr double kOutsideEachEnd = 0.025;

// Position, from 1, of the value at the interval's lower end among n sorted ones; 0 when no interval is so sure. How
// many of n values lie below their median is how often a fair coin shows heads: fewer than this many with at most
// kOutsideEachEnd.
std::size_t lower_rank(std::size_t n) {
  double probability = std::pow(0.5, static_cast<double>(n));  // of exactly k of n
  double sum = probability;
  std::size_t k = 0;
  while (sum <= kOutsideEachEnd) {
    probability *= static_cast<double>(n - k) / static_cast<double>(k + 1);
    sum += probability;
    ++k;
  }
  return k;
}

}  // namespace

MedianInterval median_interval(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const auto n = values.size();
  const auto first = std::max<std::size_t>(lower_rank(n), 1) - 1;
  return {(values[(n - 1) / 2] + values[n / 2]) / 2, values[first], values[n - 1 - first]};
}

}  // namespace ocelli::cli
