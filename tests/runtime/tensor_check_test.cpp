#include "runtime/tensor_check.hpp"

#include <gtest/gtest.h>

#include <array>

namespace ocelli {
namespace {

class TensorCheck : public ::testing::Test {
 protected:
  TensorSpec spec_{"x", DataType::kFp32, {{Dimension{1, 4}, Dimension::fixed(2)}}, ""};
  std::array<std::byte, 64> bytes_{};
};

TEST_F(TensorCheck, AcceptsWhatTheSpecAccepts) {
  EXPECT_TRUE(check_tensor(spec_, {DataType::kFp32, {3, 2}, bytes_.data(), 24}, "input").ok());
}

TEST_F(TensorCheck, NamesWhatIsWrong) {
  EXPECT_EQ(check_tensor(spec_, {DataType::kInt32, {3, 2}, bytes_.data(), 24}, "input").message(),
            "Invalid input precision - Expected: FP32; Actual: INT32; input name: x");
  EXPECT_EQ(check_tensor(spec_, {DataType::kFp32, {5, 2}, bytes_.data(), 40}, "input").message(),
            "Invalid input shape - Expected: (1:4,2); Actual: (5,2); input name: x");
  EXPECT_EQ(check_tensor(spec_, {DataType::kFp32, {3, 2}, bytes_.data(), 20}, "output").message(),
            "Invalid content size of tensor - Expected: 24 bytes; Actual: 20 bytes; output name: x");
  EXPECT_FALSE(check_tensor(spec_, {DataType::kFp32, {3, 2}, nullptr, 24}, "input").ok());
}

}  // namespace
}  // namespace ocelli
