#include "protocols/json/json_text.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

namespace ocelli::json {
namespace {

template <typename T>
std::string written(DataType type, std::vector<T> values) {
  std::string text;
  TensorView view{type, Shape{static_cast<std::int64_t>(values.size())}, reinterpret_cast<std::byte*>(values.data()),
                  values.size() * sizeof(T)};
  const auto status = append_elements(text, view, 0, values.size(), ", ", "out");
  return status.ok() ? text : status.to_string();
}

std::string quoted(std::string_view value) {
  std::string text;
  append_quoted(text, value);
  return text;
}

TEST(JsonText, WritesFloatsWithAPointAndTheFewestDigits) {
  EXPECT_EQ(written<float>(DataType::kFp32, {1, -2, 0.5F, 0.1F, 1e-7F, 16777216, 3.4028235e38F, -0.0F}),
            "1.0, -2.0, 0.5, 0.1, 1e-07, 16777216.0, 3.4028235e+38, -0.0");
  EXPECT_EQ(written<double>(DataType::kFp64, {0.1, 1e300, 1}), "0.1, 1e+300, 1.0");
}

TEST(JsonText, EveryFloatReadsBackAsItself) {
  std::mt19937 random(3);
  std::vector<float> values(50000);
  for (auto& value : values) {
    do {
      const std::uint32_t bits = random();
      std::memcpy(&value, &bits, sizeof value);
    } while (!std::isfinite(value));
  }
  const std::string text = written<float>(DataType::kFp32, values);
  const char* at = text.c_str();
  for (const float value : values) {
    char* end = nullptr;
    EXPECT_EQ(std::strtof(at, &end), value);
    at = end + 2;
  }
}

TEST(JsonText, WritesEveryType) {
  EXPECT_EQ(written<std::int8_t>(DataType::kInt8, {-128, 127}), "-128, 127");
  EXPECT_EQ(written<std::uint8_t>(DataType::kUint8, {0, 255}), "0, 255");
  EXPECT_EQ(written<std::uint8_t>(DataType::kBool, {0, 1}), "false, true");
  EXPECT_EQ(written<std::int64_t>(DataType::kInt64, {std::numeric_limits<std::int64_t>::min()}),
            "-9223372036854775808");
  EXPECT_EQ(written<std::uint64_t>(DataType::kUint64, {std::numeric_limits<std::uint64_t>::max()}),
            "18446744073709551615");
  // IEEE 754 half: 1, -2, 65504 (largest), 2^-24 (smallest), 0.333251953125; bfloat16: 1, 3.140625.
  EXPECT_EQ(written<std::uint16_t>(DataType::kFp16, {0x3C00, 0xC000, 0x7BFF, 0x0001, 0x3555}),
            "1.0, -2.0, 65504.0, 5.9604645e-08, 0.33325195");
  EXPECT_EQ(written<std::uint16_t>(DataType::kBf16, {0x3F80, 0x4049}), "1.0, 3.140625");
}

TEST(JsonText, RefusesWhatJsonCannotExpress) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(
      written<float>(DataType::kFp32, {1, nan}),
      "INVALID_ARGUMENT: Output holds NaN or infinite values, which JSON cannot express; ask for binary data - output "
      "name: out");
  EXPECT_TRUE(written<std::uint16_t>(DataType::kFp16, {0x7C00}).starts_with("INVALID_ARGUMENT"));
  std::string text;
  const std::string_view bad[] = {"\xFF"};
  EXPECT_EQ(append_strings(text, bad, ", ", "out").code(), StatusCode::kInvalidArgument);
}

TEST(JsonText, EscapesStrings) {
  EXPECT_EQ(quoted("a/b"), "\"a/b\"");
  EXPECT_EQ(quoted("\"\\\n\r\t\b\f\x01\x7F"), "\"\\\"\\\\\\n\\r\\t\\b\\f\\u0001\x7F\"");
  EXPECT_EQ(quoted("\xC3\xA9"), "\"\xC3\xA9\"");
  EXPECT_EQ(quoted("a\xFF\xC3(\xE2\x82"), "\"a\xEF\xBF\xBD\xEF\xBF\xBD(\xEF\xBF\xBD\xEF\xBF\xBD\"")
      << "no UTF-8 becomes U+FFFD";
}

}  // namespace
}  // namespace ocelli::json
