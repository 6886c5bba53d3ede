#include "runtime/shape_override.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ocelli {
namespace {

using ::testing::HasSubstr;

TensorSpec spec(const std::string& name, const Shape& shape, const std::string& layout = "") {
  return {name, DataType::kFp32, PartialShape::from(shape), layout};
}

TEST(ShapeOverride, BatchGoesWhereTheLayoutHasIt) {
  CompileOptions options;
  options.batch = Dimension{1, 8};
  auto shapes =
      overridden_shapes({spec("a", {1, 3}), spec("b", {3, 1}, "CN"), spec("c", {}), spec("d", {2, 2}, "HW")}, options);
  ASSERT_TRUE(shapes.ok());
  ASSERT_EQ(shapes->size(), 2U);
  EXPECT_EQ(shapes->at(0).to_string(), "(1:8,3)");
  EXPECT_EQ(shapes->at(1).to_string(), "(3,1:8)");
}

TEST(ShapeOverride, ShapesComeBeforeBatch) {
  CompileOptions options;
  options.batch = Dimension::fixed(4);
  options.shapes[""] = PartialShape::from({7, 3});
  auto shapes = overridden_shapes({spec("a", {1, 3})}, options);
  ASSERT_TRUE(shapes.ok());
  EXPECT_EQ(shapes->at(0).to_string(), "(7,3)");
}

TEST(ShapeOverride, MistakesAreNamed) {
  CompileOptions options;
  options.shapes["z"] = PartialShape::from({7, 3});
  auto unknown = overridden_shapes({spec("a", {1, 3})}, options);
  ASSERT_FALSE(unknown.ok());
  EXPECT_THAT(std::string(unknown.status().message()), HasSubstr("input z"));

  options.shapes = {{"", PartialShape::from({7, 3})}};
  EXPECT_EQ(overridden_shapes({spec("a", {1, 3}), spec("b", {1, 3})}, options).status().code(),
            StatusCode::kInvalidArgument);

  options.shapes = {{"a", PartialShape::from({7, 3, 1})}};
  auto rank = overridden_shapes({spec("a", {1, 3})}, options);
  ASSERT_FALSE(rank.ok());
  EXPECT_THAT(std::string(rank.status().message()), ::testing::AllOf(HasSubstr("(7,3,1)"), HasSubstr("(1,3)")));
}

}  // namespace
}  // namespace ocelli
