#include "protocols/json/json_number.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <string>

namespace ocelli::json {
namespace {

JsonNumber scan(const std::string& text) {
  JsonNumber number;
  EXPECT_EQ(scan_number(text.data(), text.data() + text.size(), number), text.data() + text.size()) << text;
  return number;
}

bool refused(const std::string& text) {
  JsonNumber number;
  return scan_number(text.data(), text.data() + text.size(), number) != text.data() + text.size();
}

// strtod() of the C library rounds correctly and shares nothing with the code under test.
void expect_like_strtod(const std::string& text) {
  const auto number = scan(text);
  const double expected = std::strtod(text.c_str(), nullptr);
  EXPECT_EQ(std::bit_cast<std::uint64_t>(to_double(number)), std::bit_cast<std::uint64_t>(expected)) << text;
  EXPECT_EQ(std::bit_cast<std::uint32_t>(to_float(number)), std::bit_cast<std::uint32_t>(static_cast<float>(expected)))
      << text;
}

TEST(JsonNumber, FollowsTheGrammar) {
  for (const char* bad :
       {"", "-", "+1", "01", "-01", ".5", "5.", "1e", "1e+", "1.e5", "0x1", "1_0", "--1", "1.2.3", "e5"}) {
    EXPECT_TRUE(refused(bad)) << bad;
  }
  EXPECT_TRUE(scan("-0").integer);
  EXPECT_FALSE(scan("1.0").integer);
  EXPECT_FALSE(scan("1e2").integer);
}

TEST(JsonNumber, RoundsCorrectlyAtTheBorders) {
  for (const char* text : {"0",
                           "-0",
                           "0.0",
                           "-0.0",
                           "1",
                           "-1",
                           "0.1",
                           "1e22",
                           "1e23",
                           "123456789012345678",
                           "9007199254740993",
                           "9007199254740992.5",
                           "1e-400",
                           "-1e-400",
                           "1e400",
                           "-1e400",
                           "1000000000000000000000e-1300",
                           "0.00000000000000000000000001e-300",
                           "0.00000000000000000000000001e+400",
                           "1.7976931348623157e308",
                           "1.7976931348623159e308",
                           "4.9e-324",
                           "2.4703282292062327e-324",
                           "2.2250738585072011e-308",
                           "0.00000000000000000000000000000000000000000000000000000000001",
                           "16777217",
                           "16777217.0000001",
                           "16777216.9999999",
                           "3.4028235e38",
                           "3.4028235677973366e38",
                           "3.4028235677973367e38",
                           "1.1754943508222875e-38",
                           "1e-45",
                           "7.006492321624085e-46",
                           "0.1e1",
                           "1E5",
                           "1e+5",
                           "1e-0",
                           "12345678",
                           "123456789",
                           "1234567890123456",
                           "12345678901234567",
                           "1234567890123456789",
                           "12345678901234567890",
                           "18446744073709551616",
                           "0.000123456789012345678901234567890",
                           "179769313486231570000000000000000000000",
                           "1.00000005960464477539062500",
                           "1.00000005960464477539062499",
                           "1.00000005960464477539062501",
                           "1e99999999999",
                           "1e-99999999999",
                           "0e99999999999"}) {
    expect_like_strtod(text);
  }
}

TEST(JsonNumber, KnowsAtWhichEndOfTheRangeLongNumbersAre) {
  const std::string zeros(400, '0');
  for (const auto& text : {"1" + zeros, "1" + zeros + ".5", "-1" + zeros + ".25e-50", "1" + zeros + "e-90",
                           "1" + zeros + "e-800", "0." + zeros + "1", "-0." + zeros + "1e+10", "0." + zeros + "1e+900"})
    expect_like_strtod(text);
}

TEST(JsonNumber, RoundsCorrectlyForRandomDigits) {
  std::mt19937_64 random(20261121);
  for (int i = 0; i < 200000; ++i) {
    std::string text = random() % 2 ? "-" : "";
    const auto whole = random() % 4;
    text += whole == 0 ? "0" : std::to_string(1 + random() % (whole == 1 ? 9U : 99999999U));
    if (const auto digits = random() % 21; digits > 0) {
      text += '.';
      for (std::uint64_t d = 0; d < digits; ++d) text += static_cast<char>('0' + random() % 10);
    }
    if (random() % 4 == 0) text += "e" + std::to_string(static_cast<int>(random() % 80) - 40);
    expect_like_strtod(text);
  }
}

// Doubles that lie at or next to the middle between two floats are where rounding twice could go wrong.
TEST(JsonNumber, RoundsToFloatNextToTheMiddleOfTwoFloats) {
  std::mt19937_64 random(7);
  char text[64];
  for (int i = 0; i < 100000; ++i) {
    const auto exponent = static_cast<std::uint64_t>(1023 - 20 + random() % 40) << 52;
    const auto middle = exponent | ((random() & 0x7FFFFF) << 29) | (std::uint64_t{1} << 28);
    const double near = std::bit_cast<double>(middle + random() % 9 - 4);
    std::snprintf(text, sizeof text, "%.*g", 15 + static_cast<int>(random() % 4), near);
    expect_like_strtod(text);
  }
}

TEST(JsonNumber, KeepsTheWholeRangeOf64Bits) {
  EXPECT_EQ(to_uint64(scan("18446744073709551615")), 18446744073709551615U);
  EXPECT_FALSE(to_uint64(scan("18446744073709551616")));
  EXPECT_FALSE(to_uint64(scan("99999999999999999999999")));
  EXPECT_FALSE(to_uint64(scan("-1")));
  EXPECT_EQ(to_uint64(scan("-0")), 0U);
  EXPECT_FALSE(to_uint64(scan("1.0")));
  EXPECT_EQ(to_int64(scan("9223372036854775807")), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(to_int64(scan("-9223372036854775808")), std::numeric_limits<std::int64_t>::min());
  EXPECT_FALSE(to_int64(scan("9223372036854775808")));
  EXPECT_FALSE(to_int64(scan("-9223372036854775809")));
  EXPECT_FALSE(to_int64(scan("18446744073709551617")));
}

}  // namespace
}  // namespace ocelli::json
