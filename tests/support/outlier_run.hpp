// One run of the generated model "widened" that is much larger than the others, and what it leaves behind.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <vector>

#include "runtime/compiled_model.hpp"
#include "support/resident_memory.hpp"

namespace ocelli::testing {

// Runs `rows` rows of equal numbers: the outputs, which are all alike then.
inline std::vector<float> run_rows(InferRequest& request, std::vector<float>& values, std::int64_t rows) {
  const TensorView view{DataType::kFp32,
                        {rows, 64},
                        reinterpret_cast<std::byte*>(values.data()),
                        static_cast<std::size_t>(rows) * 64 * sizeof(float)};
  auto status = request.set_input(0, view);
  if (status.ok()) status = request.run();
  EXPECT_TRUE(status.ok()) << status.to_string();
  auto output = status.ok() ? request.output(0) : Result<TensorView>(status);
  if (!output.ok()) return {};
  std::vector<float> result(output->bytes / sizeof(float));
  std::memcpy(result.data(), output->data, output->bytes);
  return result;
}

// The large run needs 128 MB between input and output. Its answer, and those after it, must be right all the same.
inline void expect_memory_back_after_an_outlier(CompiledModel& model) {
  constexpr std::int64_t kRows = 8192;
  constexpr std::size_t kAllowed = 32U << 20;
  auto request = model.create_request();
  ASSERT_TRUE(request.ok());
  std::vector<float> values(kRows * 64, 1.0F);
  std::vector<float> small;
  for (int i = 0; i < 20; ++i) small = run_rows(**request, values, 1);
  ASSERT_EQ(small.size(), 1U);
  const auto before = test::resident_bytes();
  const auto large = run_rows(**request, values, kRows);
  EXPECT_LT(test::resident_bytes(), before + kAllowed);
  ASSERT_EQ(large.size(), static_cast<std::size_t>(kRows));
  for (const float value : large) ASSERT_NEAR(value, small[0], 1e-3 * small[0]);
  EXPECT_EQ(run_rows(**request, values, 1), small);
  const auto again = run_rows(**request, values, kRows);
  EXPECT_EQ(again, large);
}

}  // namespace ocelli::testing
