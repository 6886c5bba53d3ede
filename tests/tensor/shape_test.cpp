#include "tensor/shape.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace ocelli {
namespace {

TEST(Shape, CountsElements) {
  EXPECT_EQ(Shape({1, 3, 224, 224}).element_count(), 150528u);
  EXPECT_EQ(Shape{}.element_count(), 1u) << "a scalar has one element";
  EXPECT_EQ(Shape({4, 0, 7}).element_count(), 0u);
}

TEST(Shape, RefusesCountsThatOverflow) {
  constexpr auto kHuge = std::numeric_limits<std::int64_t>::max();
  EXPECT_FALSE(Shape({kHuge, 2}).element_count());
  EXPECT_FALSE(Shape({std::int64_t{1} << 32, std::int64_t{1} << 32}).element_count());
  EXPECT_FALSE(Shape({-1, 3}).element_count());
  EXPECT_FALSE(Shape({0, kHuge}).element_count()) << "also beside an extent of 0";
  EXPECT_FALSE(Shape({kHuge, 0}).element_count());
  EXPECT_FALSE(Shape({std::int64_t{1} << 32, 0, std::int64_t{1} << 32}).element_count());
}

TEST(PartialShape, AcceptsWhatLiesInItsRanges) {
  const PartialShape shape{{Dimension{1, 8}, Dimension::fixed(3), Dimension::any()}};
  EXPECT_TRUE(shape.accepts(Shape{1, 3, 0}));
  EXPECT_TRUE(shape.accepts(Shape{8, 3, 999}));
  EXPECT_FALSE(shape.accepts(Shape{9, 3, 1}));
  EXPECT_FALSE(shape.accepts(Shape{1, 4, 1}));
  EXPECT_FALSE(shape.accepts(Shape{1, 3}));
  EXPECT_EQ(shape.to_string(), "(1:8,3,-1)");
  EXPECT_FALSE(shape.static_shape());
}

TEST(PartialShape, UnknownRankAcceptsAnyShape) {
  PartialShape shape;
  shape.rank_known = false;
  EXPECT_TRUE(shape.accepts(Shape{}));
  EXPECT_TRUE(shape.accepts(Shape{1, 2, 3}));
  EXPECT_FALSE(shape.is_static());
}

}  // namespace
}  // namespace ocelli
