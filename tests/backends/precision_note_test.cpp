// What a user is told of the precision in which a model computes.
#include "backends/openvino_text/precision_note.hpp"

#include <gtest/gtest.h>

namespace ocelli::openvino {
namespace {

TEST(PrecisionNote, NothingIsSaidOfWhatComputesInOneExactPrecision) {
  EXPECT_EQ(precision_note({}, false), "");
  EXPECT_EQ(precision_note({{"FP32", 53}}, false), "");
  EXPECT_EQ(precision_note({{"INT8", 53}}, false), "");
}

TEST(PrecisionNote, AReducedPrecisionIsNamedWhenTheDeviceChoseIt) {
  EXPECT_EQ(precision_note({{"BF16", 53}}, false),
            "computes in BF16, which the device chose, so that answers differ a little from FP32; "
            R"(plugin_config {"INFERENCE_PRECISION_HINT":"f32"} makes it compute in FP32)");
  EXPECT_EQ(precision_note({{"BF16", 53}}, true), "");
}

// The quantized MobileNet v2 on a processor with BF16, which was said to compute in FP32 only.
TEST(PrecisionNote, SeveralPrecisionsAreCounted) {
  const LayerCounts layers{{"BF16", 16}, {"FP32", 34}, {"INT8", 3}};
  EXPECT_EQ(most_frequent(layers), "FP32");
  EXPECT_EQ(precision_note(layers, false),
            "of its convolutions and matrix products 34 in FP32, 16 in BF16, 3 in INT8; the device chose BF16, so that "
            R"(answers differ a little from FP32; plugin_config {"INFERENCE_PRECISION_HINT":"f32"} makes it compute )"
            "in FP32");
  EXPECT_EQ(precision_note({{"FP32", 50}, {"INT8", 3}}, true),
            "of its convolutions and matrix products 50 in FP32, 3 in INT8");
}

}  // namespace
}  // namespace ocelli::openvino
