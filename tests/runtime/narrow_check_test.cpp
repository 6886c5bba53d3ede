#include "runtime/narrow_check.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <vector>

namespace ocelli {
namespace {

// The outcome for a tensor of these values, which begins off its element's boundary.
template <typename T>
Status check(DataType type, const std::vector<T>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(T) + 1);
  if (!values.empty()) std::memcpy(bytes.data() + 1, values.data(), values.size() * sizeof(T));
  const Shape shape{static_cast<std::int64_t>(values.size())};
  return check_narrow({"x", type, PartialShape::from(shape), ""},
                      {type, shape, bytes.data() + 1, values.size() * sizeof(T)});
}

TEST(NarrowCheck, TakesWhatFits) {
  constexpr std::int64_t kLeast = std::numeric_limits<std::int32_t>::min();
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  EXPECT_TRUE(check<std::int64_t>(DataType::kInt64, {kLeast, -1, 0, 1, kMost}).ok());
  EXPECT_TRUE(check<std::uint64_t>(DataType::kUint64, {0, 1, kMost}).ok());
  EXPECT_TRUE(check<double>(DataType::kFp64, {0.1, -3e38, 1e-300, std::numeric_limits<double>::infinity(),
                                              std::numeric_limits<double>::quiet_NaN()})
                  .ok());
  EXPECT_TRUE(check<std::int64_t>(DataType::kInt64, {}).ok());
}

TEST(NarrowCheck, NamesTheFirstValueThatDoesNot) {
  constexpr std::int64_t kBeyond = std::int64_t{1} << 31;
  std::vector<std::int64_t> many(1000, 7);
  many[900] = kBeyond;
  many[901] = -kBeyond - 1;
  EXPECT_EQ(check(DataType::kInt64, many).to_string(),
            "INVALID_ARGUMENT: Invalid input value - Expected: INT64 that fits INT32, in which the device computes; "
            "Actual: 2147483648; input name: x");
  EXPECT_FALSE(check<std::int64_t>(DataType::kInt64, {-kBeyond - 1}).ok());
  EXPECT_FALSE(check<std::uint64_t>(DataType::kUint64, {std::uint64_t{1} << 31}).ok());
  EXPECT_FALSE(check<double>(DataType::kFp64, {-1e39}).ok());
}

TEST(NarrowCheck, LooksAtNoOtherType) {
  EXPECT_TRUE(check<std::uint32_t>(DataType::kUint32, {0xffffffff}).ok());
  EXPECT_TRUE(check<float>(DataType::kFp32, {std::numeric_limits<float>::max()}).ok());
}

}  // namespace
}  // namespace ocelli
