#include "serving/memory_budget.hpp"

#include <gtest/gtest.h>

namespace ocelli::serving {
namespace {

TEST(MemoryBudget, GrantsUpToTheLimitAndNotAByteMore) {
  MemoryBudget budget({{"CPU", 100}});
  EXPECT_TRUE(budget.reserve("CPU", 60));
  EXPECT_FALSE(budget.reserve("CPU", 41));
  EXPECT_EQ(budget.lines().at("CPU").used, 60U) << "a refusal takes nothing";
  EXPECT_EQ(budget.room("CPU"), 40U);
  EXPECT_TRUE(budget.reserve("CPU", 40));
  EXPECT_EQ(budget.room("CPU"), 0U);
  budget.release("CPU", 60);
  EXPECT_TRUE(budget.reserve("CPU", 60));
}

TEST(MemoryBudget, DevicesDoNotShare) {
  MemoryBudget budget({{"NVIDIA.0", 10}, {"NVIDIA.1", 10}});
  EXPECT_TRUE(budget.reserve("NVIDIA.0", 10));
  EXPECT_TRUE(budget.reserve("NVIDIA.1", 10));
  EXPECT_FALSE(budget.reserve("NVIDIA.0", 1));
}

TEST(MemoryBudget, WithoutALimitEverythingIsGrantedAndCounted) {
  MemoryBudget budget;
  EXPECT_EQ(budget.limit("GPU.0"), std::nullopt);
  EXPECT_TRUE(budget.reserve("GPU.0", UINT64_MAX / 2));
  EXPECT_TRUE(budget.reserve("GPU.0", UINT64_MAX / 2));
  EXPECT_FALSE(budget.reserve("GPU.0", 2)) << "a sum that cannot be told is no sum";
  EXPECT_EQ(budget.lines().size(), 1U);
}

TEST(MemoryBudget, WhatIsTakenAlreadyMayExceedTheLimit) {
  MemoryBudget budget({{"CPU", 100}});
  budget.charge("CPU", 150);
  EXPECT_EQ(budget.room("CPU"), 0U);
  EXPECT_FALSE(budget.reserve("CPU", 1));
  EXPECT_TRUE(budget.reserve("CPU", 0));
  budget.release("CPU", 150);
  EXPECT_EQ(budget.room("CPU"), 100U);
}

TEST(MemoryBudget, NothingIsGivenBackTwice) {
  MemoryBudget budget({{"CPU", 100}});
  EXPECT_TRUE(budget.reserve("CPU", 10));
  budget.release("CPU", 30);
  budget.release("GPU.0", 30);
  EXPECT_EQ(budget.lines().at("CPU").used, 0U);
  EXPECT_FALSE(budget.lines().contains("GPU.0"));
}

}  // namespace
}  // namespace ocelli::serving
