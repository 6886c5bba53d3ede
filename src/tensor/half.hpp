// Conversions between float and the two 16-bit floating point formats: IEEE 754 binary16 (FP16) and bfloat16 (BF16).
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace ocelli {

// Exact.
inline float bf16_to_float(std::uint16_t bits) noexcept { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

// Exact.
inline float fp16_to_float(std::uint16_t bits) noexcept {
  const std::uint32_t sign = std::uint32_t{bits & 0x8000U} << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1F;
  const std::uint32_t fraction = bits & 0x3FF;
  if (exponent == 0) {  // zero or subnormal
    const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  if (exponent == 0x1F) return std::bit_cast<float>(sign | 0x7F800000U | (fraction << 13));
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (fraction << 13));
}

// The nearest value, ties to even; infinite beyond the format's range.
inline std::uint16_t float_to_bf16(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>((bits >> 16) | 0x40);
  return static_cast<std::uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

// The nearest value, ties to even; infinite beyond the format's range.
inline std::uint16_t float_to_fp16(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000);
  const float magnitude = std::fabs(value);
  constexpr float kOverflow = 65520.0F;  // midway between the largest FP16 and what would follow it
  constexpr float kSmallestNormal = 0x1p-14F;
  if (std::isnan(value)) return static_cast<std::uint16_t>(sign | 0x7E00);
  if (magnitude >= kOverflow) return static_cast<std::uint16_t>(sign | 0x7C00);
  if (magnitude < kSmallestNormal) {
    // Adding a float whose unit in the last place is 2^-24 makes the processor round to FP16's subnormal steps.
    constexpr float kMagic = 0.5F;
    return static_cast<std::uint16_t>(
        sign | (std::bit_cast<std::uint32_t>(magnitude + kMagic) - std::bit_cast<std::uint32_t>(kMagic)));
  }
  const std::uint32_t rebased = std::bit_cast<std::uint32_t>(magnitude) - (112U << 23);
  return static_cast<std::uint16_t>(sign | ((rebased + 0xFFF + ((rebased >> 13) & 1)) >> 13));
}

}  // namespace ocelli
