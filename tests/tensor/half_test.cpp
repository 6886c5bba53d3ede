#include "tensor/half.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace ocelli {
namespace {

TEST(Fp16, AgreesWithTheDefinitionForEveryValue) {
  for (std::uint32_t i = 0; i < 65536; ++i) {
    const auto bits = static_cast<std::uint16_t>(i);
    const float value = fp16_to_float(bits);
    if (std::isnan(value)) {
      EXPECT_NE(float_to_fp16(value) & 0x3FFu, 0u);
      continue;
    }
    EXPECT_EQ(float_to_fp16(value), bits);
    const int exponent = (bits >> 10) & 31;
    if (exponent == 31) continue;
    const double magnitude =
        exponent == 0 ? (bits & 1023) * 0x1p-24 : ((bits & 1023) + 1024) * std::pow(2.0, exponent - 25);
    EXPECT_EQ(value, static_cast<float>(bits & 0x8000 ? -magnitude : magnitude));
  }
}

TEST(Fp16, RoundsToTheNearestAndTiesToEven) {
  EXPECT_EQ(float_to_fp16(2049.0F), float_to_fp16(2048.0F));
  EXPECT_EQ(float_to_fp16(2051.0F), float_to_fp16(2052.0F));
  EXPECT_EQ(float_to_fp16(65519.0F), 0x7BFFu);
  EXPECT_EQ(float_to_fp16(65520.0F), 0x7C00u);
  EXPECT_EQ(float_to_fp16(-65520.0F), 0xFC00u);
  EXPECT_EQ(float_to_fp16(0x1.8p-24F), 2u) << "between two subnormal values";
}

TEST(Bf16, ComesBackFromAFloat) {
  for (std::uint32_t i = 0; i < 65536; ++i) {
    const auto bits = static_cast<std::uint16_t>(i);
    const float value = bf16_to_float(bits);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(bf16_to_float(float_to_bf16(value))));
    } else {
      EXPECT_EQ(float_to_bf16(value), bits);
    }
  }
}

TEST(Bf16, RoundsToTheNearestAndTiesToEven) {
  EXPECT_EQ(float_to_bf16(257.0F), float_to_bf16(256.0F));
  EXPECT_EQ(float_to_bf16(259.0F), float_to_bf16(260.0F));
  EXPECT_EQ(float_to_bf16(257.5F), float_to_bf16(258.0F));
  EXPECT_EQ(float_to_bf16(std::numeric_limits<float>::max()), 0x7F80u);
}

}  // namespace
}  // namespace ocelli
