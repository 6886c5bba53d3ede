#include "tensor/byte_charge.hpp"

#include <gtest/gtest.h>

#include <new>

#include "tensor/charged_pool.hpp"

namespace ocelli {
namespace {

TEST(ByteChargeTest, TakesUpToTheLimitAndGivesBackWithItsEnd) {
  const auto budget = std::make_shared<ByteBudget>(1000, "--quota");
  {
    ByteCharge first(budget);
    ByteCharge second(budget);
    EXPECT_TRUE(first.add(600));
    EXPECT_FALSE(second.add(401));
    EXPECT_TRUE(second.refused());
    EXPECT_EQ(second.refusal().code(), StatusCode::kResourceExhausted);
    EXPECT_EQ(second.refusal().message(),
              "Too many request bodies are in memory. Limit: 1000 bytes; In use: 600 bytes; Needed: 401 bytes more. "
              "Send the request again later, or start the server with a larger --quota");
    EXPECT_TRUE(second.add(400));
    first.give_back(100);
    EXPECT_EQ(budget->taken(), 900U);
    ByteCharge third = first.hand_over();
    EXPECT_EQ(first.bytes(), 0U);
    first.clear();
    EXPECT_EQ(budget->taken(), 900U);
    second = std::move(third);
    EXPECT_EQ(second.bytes(), 500U);
    EXPECT_EQ(budget->taken(), 500U);
  }
  EXPECT_EQ(budget->taken(), 0U);
}

TEST(ByteChargeTest, LittleIsNotCountedUntilItIsMuch) {
  const auto budget = std::make_shared<ByteBudget>(1000);
  ByteCharge charge;
  charge.bind(budget, 100);
  EXPECT_TRUE(charge.add(60));
  EXPECT_TRUE(charge.add(40));
  EXPECT_EQ(budget->taken(), 0U);
  EXPECT_TRUE(charge.add(1));
  EXPECT_EQ(budget->taken(), 101U);
  charge.give_back(50);
  EXPECT_EQ(budget->taken(), 51U);
  charge.bind(budget, 100);
  EXPECT_EQ(budget->taken(), 0U);
  EXPECT_EQ(charge.bytes(), 0U);
}

TEST(ByteChargeTest, WithoutABudgetOrALimitEverythingIsAllowed) {
  ByteCharge none;
  EXPECT_TRUE(none.add(std::size_t{1} << 40));
  ByteCharge unlimited(std::make_shared<ByteBudget>(0));
  EXPECT_TRUE(unlimited.add(std::size_t{1} << 40));
}

TEST(ByteChargeTest, APoolThatIsChargedEndsWhereTheBudgetDoes) {
  BufferPool pool;
  ByteCharge charge(std::make_shared<ByteBudget>(1000));
  const ChargedPool charged(pool, &charge);
  EXPECT_GE(charged.get(700)->size(), 700U);
  EXPECT_THROW(static_cast<void>(charged.get(301)), std::bad_alloc);
  EXPECT_TRUE(charge.refused());
  charged.drop(700);
  EXPECT_TRUE(charged.get(1000));
  EXPECT_TRUE(ChargedPool(pool).get(5000));
}

}  // namespace
}  // namespace ocelli
