// The arithmetic of one pixel, written once: the CPU's loops and the CUDA kernel both compile it, so that both give the
// same numbers. The kernel is compiled without fused multiply-add for that reason.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

// Marks what runs on the card too; only nvcc knows the attributes.
#if defined(__CUDACC__)
#define OCELLI_HOST_DEVICE __host__ __device__
#else
#define OCELLI_HOST_DEVICE
#endif

namespace ocelli::image {

// Weights of 8-bit bilinear mixing, as OpenCV has them.
inline constexpr int kWeightBits = 11;
inline constexpr int kWeightOne = 1 << kWeightBits;

// For one axis: which two source positions a destination position mixes, and the second one's share.
struct LinearTap {
  std::int64_t first = 0;
  std::int64_t second = 0;
  float share = 0;
};

// Of destination position i, where `from` source positions become `to`. Beyond the outermost centres there is only the
// edge. Along rows OpenCV then uses the edge sample alone; down columns it mixes the edge with itself, which rounds
// differently in fixed point: exact_edges chooses the first.
OCELLI_HOST_DEVICE inline LinearTap linear_tap(std::int64_t i, std::int64_t from, std::int64_t to, bool exact_edges) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const auto centre = static_cast<float>((static_cast<double>(i) + 0.5) * scale - 0.5);
  const auto low = static_cast<std::int64_t>(floorf(centre));
  const std::int64_t last = from - 1;
  if (exact_edges && low < 0) return {0, 0, 0.0F};
  if (exact_edges && low >= last) return {last, last, 0.0F};
  const auto inside = [last](std::int64_t at) { return at < 0 ? std::int64_t{0} : at > last ? last : at; };
  return {inside(low), inside(low + 1), centre - static_cast<float>(low)};
}

// A share as a fixed-point weight, rounded to the nearest, halves to even.
OCELLI_HOST_DEVICE inline int fixed_weight(float share) { return static_cast<int>(lrintf(share * kWeightOne)); }

// Two samples of a row, mixed; and two rows mixed so, mixed into the result. The shifts keep the products in 32 bits;
// they are OpenCV's, and so are the results.
OCELLI_HOST_DEVICE inline std::int32_t mix_columns(std::uint8_t first, std::uint8_t second, const LinearTap& column) {
  return first * fixed_weight(1.0F - column.share) + second * fixed_weight(column.share);
}
OCELLI_HOST_DEVICE inline std::uint8_t mix_rows(std::int32_t first, std::int32_t second, const LinearTap& row) {
  const int sum =
      ((fixed_weight(1.0F - row.share) * (first >> 4)) >> 16) + ((fixed_weight(row.share) * (second >> 4)) >> 16);
  const int value = (sum + 2) >> 2;
  return static_cast<std::uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
}

// The mean of a square of four, rounded: what exact halving gives.
OCELLI_HOST_DEVICE inline std::uint8_t mean_of_four(int a, int b, int c, int d) {
  return static_cast<std::uint8_t>((a + b + c + d + 2) >> 2);
}

// The same in floats, without rounding.
OCELLI_HOST_DEVICE inline float mix(float first, float second, float share) { return first + share * (second - first); }

}  // namespace ocelli::image
