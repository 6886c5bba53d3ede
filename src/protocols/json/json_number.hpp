// JsonNumber: the decimal number in a JSON text, and its exact conversions. Written for tensors: hundreds of thousands
// of numbers per request.
#pragma once

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>

namespace ocelli::json {

// mantissa * 10^exponent, negated when negative. When exact is false there were too many digits for mantissa; the text
// decides then.
struct JsonNumber {
  const char* begin = nullptr;
  const char* end = nullptr;
  std::uint64_t mantissa = 0;
  std::int32_t exponent = 0;
  bool negative = false;
  bool integer = true;  // neither a point nor an exponent was written
  bool exact = true;
};

namespace detail {

inline bool is_digit(char c) noexcept { return static_cast<unsigned char>(c - '0') < 10; }

inline constexpr std::uint64_t kPowersOfTenInteger[9] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};

// The value of eight digits 0..9, one a byte, first one in the lowest byte: pairs, then fours, then eight are joined by
// multiplication.
inline std::uint64_t eight_digit_value(std::uint64_t digits) noexcept {
  digits = digits * 10 + (digits >> 8);
  constexpr std::uint64_t kMask = 0x000000FF000000FF;
  return (((digits & kMask) * (100 + (std::uint64_t{1000000} << 32))) +
          (((digits >> 16) & kMask) * (1 + (std::uint64_t{10000} << 32)))) >>
         32;
}

// Appends up to eight digits at `at` to mantissa and returns how many they were, without a branch on that: numbers in
// tensors have all lengths, and a wrongly predicted branch costs more than the arithmetic. Eight bytes must be
// readable.
inline int take_digits(const char* at, std::uint64_t& mantissa) noexcept {
  static_assert(std::endian::native == std::endian::little);
  std::uint64_t bytes;
  std::memcpy(&bytes, at, 8);
  bytes ^= 0x3030303030303030;  // digits become 0..9; the lowest byte that is more gets its high bit set by the sum
  const std::uint64_t others = ((bytes + 0x7676767676767676) | bytes) & 0x8080808080808080;
  const int count = std::countr_zero(others) / 8;  // 64 / 8 when all are digits
  mantissa = mantissa * kPowersOfTenInteger[count] + eight_digit_value(count == 0 ? 0 : bytes << (64 - 8 * count));
  return count;
}

// Appends all digits at `at` to mantissa, which may overflow; returns where they end.
inline const char* scan_digits(const char* at, const char* end, std::uint64_t& mantissa) noexcept {
  while (end - at >= 16) {
    // The second half of a short number has no digits and changes nothing.
    at += take_digits(at, mantissa);
    const int count = take_digits(at, mantissa);
    at += count;
    if (count != 8) return at;
  }
  while (at != end && is_digit(*at)) mantissa = mantissa * 10 + static_cast<std::uint64_t>(*at++ - '0');
  return at;
}

// Powers of ten that a double holds exactly.
inline constexpr int kMaxExactPower = 22;
inline constexpr double kPowersOfTen[kMaxExactPower + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                            1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                            1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

inline double scale(double value, int exponent) noexcept {
  return exponent < 0 ? value / kPowersOfTen[-exponent] : value * kPowersOfTen[exponent];
}

// The rest of a number after its integer part; null when it breaks the grammar.
inline const char* scan_exponent(const char* at, const char* end, JsonNumber& number) noexcept {
  number.integer = false;
  ++at;
  const bool negative = at != end && *at == '-';
  if (at != end && (*at == '-' || *at == '+')) ++at;
  if (at == end || !is_digit(*at)) return nullptr;
  std::int32_t exponent = 0;
  for (; at != end && is_digit(*at); ++at) {
    if (exponent < 100000) exponent = exponent * 10 + (*at - '0');
  }
  number.exponent += negative ? -exponent : exponent;
  return at;
}

inline bool fits_mantissa(const char* digits, const char* end) noexcept;

// Digits of the mantissa as it was written, without leading zeros.
inline std::int64_t significant_digits(const JsonNumber& number) noexcept {
  const char* at = number.begin + number.negative;
  while (at != number.end && (*at == '0' || *at == '.')) ++at;
  std::int64_t count = 0;
  for (; at != number.end && (*at | 0x20) != 'e'; ++at) count += *at != '.';
  return count;
}

}  // namespace detail

// Reads the number at `at` by JSON's grammar. Returns its end, or null when there is no valid number. What follows is
// not looked at.
inline const char* scan_number(const char* at, const char* end, JsonNumber& number) noexcept {
  number = JsonNumber{};
  number.begin = at;
  number.negative = at != end && *at == '-';
  at += number.negative;
  const char* const digits = at;
  while (at != end && detail::is_digit(*at))
    number.mantissa = number.mantissa * 10 + static_cast<std::uint64_t>(*at++ - '0');
  if (at == digits || (*digits == '0' && at - digits > 1)) return nullptr;
  auto count = at - digits;
  if (at != end && *at == '.') {
    number.integer = false;
    const char* const fraction = ++at;
    at = detail::scan_digits(at, end, number.mantissa);
    if (at == fraction) return nullptr;
    number.exponent = static_cast<std::int32_t>(fraction - at);
    count += at - fraction;
  }
  if (count > 19) number.exact = detail::fits_mantissa(digits, at);
  if (at != end && (*at | 0x20) == 'e') {
    at = detail::scan_exponent(at, end, number);
    if (!at) return nullptr;
  }
  number.end = at;
  return at;
}

// Leading zeros do not count: 19 digits always fit 64 bits.
inline bool detail::fits_mantissa(const char* digits, const char* end) noexcept {
  while (digits != end && (*digits == '0' || *digits == '.')) ++digits;
  int significant = 0;
  for (; digits != end; ++digits) significant += *digits != '.';
  return significant <= 19;
}

// The nearest double, ties to even; infinite when it is beyond a double's range.
inline double to_double(const JsonNumber& number) noexcept {
  // Both numbers are exact in a double, so one rounding gives the nearest one (W. D. Clinger, "How to read floating
  // point numbers accurately", 1990).
  constexpr std::uint64_t kExactIntegers = std::uint64_t{1} << 53;
  if (number.exact && number.mantissa <= kExactIntegers && std::abs(number.exponent) <= detail::kMaxExactPower) {
    const double value = detail::scale(static_cast<double>(number.mantissa), number.exponent);
    return number.negative ? -value : value;
  }
  double value = 0;
  const auto result = std::from_chars(number.begin, number.end, value);
  if (result.ec != std::errc::result_out_of_range) return value;
  // from_chars leaves the value alone; whether it was too big or too small, the place of its first digit tells.
  const bool tiny = detail::significant_digits(number) + number.exponent <= 0;
  value = tiny ? 0.0 : std::numeric_limits<double>::infinity();
  return number.negative ? -value : value;
}

// The float nearest to to_double(number): what a reader that keeps doubles and casts them at the end gives (NumPy,
// RapidJSON).
inline float to_float(const JsonNumber& number) noexcept {
  if (number.exact && std::abs(number.exponent) <= detail::kMaxExactPower) {
    // Two roundings leave the double within two units in the last place of the nearest one. The cast hides that unless
    // a border between two floats lies so near; borders are where the 29 bits that a float drops are 1000...0.
    const double value = detail::scale(static_cast<double>(number.mantissa), number.exponent);
    const auto dropped = std::bit_cast<std::uint64_t>(value) & ((std::uint64_t{1} << 29) - 1);
    constexpr std::uint64_t kBorder = std::uint64_t{1} << 28;
    constexpr std::uint64_t kMargin = 4;
    const bool normal = value > 1e-37 && value < 3e38;
    if (normal && (dropped < kBorder - kMargin || dropped > kBorder + kMargin)) {
      return std::bit_cast<float>(std::bit_cast<std::uint32_t>(static_cast<float>(value)) ^
                                  (std::uint32_t{number.negative} << 31));
    }
  }
  return static_cast<float>(to_double(number));
}

// The value when it is written as an integer (no point, no exponent) and fits; else empty.
inline std::optional<std::uint64_t> to_uint64(const JsonNumber& number) noexcept {
  if (!number.integer || number.end - number.begin > 21) return std::nullopt;
  std::uint64_t magnitude = number.mantissa;
  if (!number.exact) {
    const auto result = std::from_chars(number.begin + number.negative, number.end, magnitude);
    if (result.ec != std::errc{}) return std::nullopt;
  }
  if (number.negative && magnitude != 0) return std::nullopt;
  return magnitude;
}

// As to_uint64(), for signed integers.
inline std::optional<std::int64_t> to_int64(const JsonNumber& number) noexcept {
  if (!number.integer || !number.exact) return std::nullopt;
  constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
  if (number.mantissa > kMax + (number.negative ? 1 : 0)) return std::nullopt;
  return static_cast<std::int64_t>(number.negative ? 0 - number.mantissa : number.mantissa);
}

}  // namespace ocelli::json
