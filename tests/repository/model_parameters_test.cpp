#include "repository/model_parameters.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ocelli::repository {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <typename T>
std::string refusal(const Result<T>& result) {
  if (result.ok()) return "accepted";
  EXPECT_EQ(result.status().code(), StatusCode::kInvalidArgument);
  return std::string(result.status().message());
}

TEST(ModelParameters, BatchSize) {
  EXPECT_EQ(parse_batch_size("auto")->kind, BatchParameter::Kind::kAuto);
  EXPECT_EQ(parse_batch_size("AUTO")->kind, BatchParameter::Kind::kAuto);
  EXPECT_EQ(parse_batch_size("0")->kind, BatchParameter::Kind::kFromModel);
  EXPECT_EQ(parse_batch_size(" 8 ")->extent, Dimension::fixed(8));
  EXPECT_EQ(parse_batch_size("1:8")->extent, (Dimension{1, 8}));
  EXPECT_EQ(parse_batch_size("-1")->extent, Dimension::any());
  for (const char* text : {"", "-2", "8:1", "0:8", "1:", ":8", "1:2:3", "8x", "1.5", "99999999999999999999", "0x8"}) {
    EXPECT_THAT(refusal(parse_batch_size(text)), HasSubstr("batch_size: \"auto\", a number from 1")) << text;
  }
}

TEST(ModelParameters, Shape) {
  EXPECT_EQ(parse_shape("(1,3,224,224)")->extents.to_string(), "(1,3,224,224)");
  EXPECT_EQ(parse_shape("[1, -1, 200:300]")->extents.to_string(), "(1,-1,200:300)");
  EXPECT_EQ(parse_shape("()")->extents.dims.size(), 0U);
  EXPECT_TRUE(parse_shape("auto")->automatic);
  for (const char* text :
       {"1,3", "(1,3", "(1,,3)", "(1,0)", "(1,-3)", "(a)", "(1,2,3,4,5,6,7,8,9,10,11,12,13)", "(1]"}) {
    EXPECT_THAT(refusal(parse_shape(text)), HasSubstr("shape: ")) << text;
  }
}

TEST(ModelParameters, ShapesPerInput) {
  const auto one = parse_shapes("(1,10)");
  ASSERT_TRUE(one.ok());
  EXPECT_EQ(one->at("").extents.to_string(), "(1,10)");
  const auto two = parse_shapes(R"json( {"a":"(1,10)","b":"auto"} )json");
  ASSERT_TRUE(two.ok()) << two.status().to_string();
  EXPECT_EQ(two->at("a").extents.to_string(), "(1,10)");
  EXPECT_TRUE(two->at("b").automatic);
  EXPECT_THAT(refusal(parse_shapes(R"json({"a":1})json")), HasSubstr("shape.a: a string expected"));
  EXPECT_THAT(refusal(parse_shapes(R"json({"a":"(1)","a":"(2)"})json")), HasSubstr("the key \"a\" occurs twice"));
  EXPECT_THAT(refusal(parse_shapes("{")), HasSubstr("shape: not valid JSON"));
}

TEST(ModelParameters, Layout) {
  EXPECT_EQ(*parse_layout("nhwc:nchw"), "NHWC:NCHW");
  for (const char* text : {"N...", "...", "N?HWC", "NCDHW", "?", "N...C"}) EXPECT_EQ(*parse_layout(text), text);
  EXPECT_EQ(*parse_layout("Auto"), "auto");
  for (const char* text : {"", "NHWX", "NN", "N..", "N......", "NCHW:NHWC:N", "NCHW:"}) {
    EXPECT_THAT(refusal(parse_layout(text)), HasSubstr("layout: letters of N, C, H, W, D")) << text;
  }
  EXPECT_EQ(parse_layouts(R"({"x":"nchw"})")->at("x"), "NCHW");
}

TEST(ModelParameters, ChannelValues) {
  EXPECT_THAT(*parse_channel_values("mean", "1.5"), ElementsAre(1.5F));
  EXPECT_THAT(*parse_channel_values("mean", "(123.675, 116.28,103.53)"), ElementsAre(123.675F, 116.28F, 103.53F));
  EXPECT_THAT(*parse_channel_values("mean", "[0,-1,1e2]"), ElementsAre(0.F, -1.F, 100.F));
  for (const char* text : {"", "1,2", "()", "(1,)", "nan", "(inf)", "1e999", "1.5f"}) {
    EXPECT_THAT(refusal(parse_channel_values("mean", text)), HasSubstr("mean: a number")) << text;
  }
  EXPECT_THAT(refusal(parse_channel_values("scale", "(1,0)")), HasSubstr("scale: numbers other than 0"));
}

TEST(ModelParameters, ColorFormatAndPrecision) {
  EXPECT_EQ(*parse_color_format("bgr:rgb"), "BGR:RGB");
  EXPECT_EQ(*parse_color_format("NV12_2"), "NV12_2");
  EXPECT_THAT(refusal(parse_color_format("CMYK")), HasSubstr("color_format: target[:source] of RGB"));
  EXPECT_THAT(refusal(parse_color_format("RGB:BGR:RGB")), HasSubstr("color_format"));
  EXPECT_EQ(*parse_precision("UINT8:FP32"), "uint8:fp32");
  EXPECT_THAT(refusal(parse_precision("fp8")), HasSubstr("precision: target[:source] of fp64"));
}

TEST(ModelParameters, PluginConfig) {
  const auto properties = parse_plugin_config(R"({"A":"x","B":true,"C":4,"D":0.5})");
  ASSERT_TRUE(properties.ok()) << properties.status().to_string();
  EXPECT_EQ(*properties, (std::map<std::string, std::string>{{"A", "x"}, {"B", "true"}, {"C", "4"}, {"D", "0.5"}}));
  EXPECT_THAT(refusal(parse_plugin_config(R"({"A":{}})")),
              HasSubstr("plugin_config.A: a string, a boolean or a number"));
  EXPECT_THAT(refusal(parse_plugin_config("[]")), HasSubstr("plugin_config: a JSON object expected"));
}

ModelFlags flags() {
  ModelFlags given;
  given.model_name = "resnet";
  given.model_path = "/models/resnet";
  return given;
}

TEST(ModelFlags, DefaultsAreThoseOfTheSpecification) {
  const auto config = model_config_from_flags(flags());
  ASSERT_TRUE(config.ok()) << config.status().to_string();
  EXPECT_EQ(config->target_device, "CPU");
  EXPECT_EQ(to_string(config->version_policy), "latest 1");
  EXPECT_EQ(config->nireq, 0U);
  EXPECT_FALSE(config->automatic());
  EXPECT_EQ(config->stateful.max_sequence_number, 500U);
}

TEST(ModelFlags, EveryFlagArrives) {
  ModelFlags given = flags();
  given.batch_size = "auto";
  given.layout = R"({"x":"NHWC:NCHW"})";
  given.mean = "(1,2,3)";
  given.scale = "[4,5,6]";
  given.color_format = "bgr:rgb";
  given.precision = "FP32";
  given.model_version_policy = R"({"all":{}})";
  given.nireq = 7;
  given.target_device = "AUTO:GPU,CPU";
  given.plugin_config = R"({"PERFORMANCE_HINT":"THROUGHPUT"})";
  const auto config = model_config_from_flags(given);
  ASSERT_TRUE(config.ok()) << config.status().to_string();
  EXPECT_TRUE(config->automatic());
  EXPECT_EQ(config->preprocess.layout.at("x"), "NHWC:NCHW");
  EXPECT_EQ(config->preprocess.mean, "(1,2,3)");
  EXPECT_EQ(config->preprocess.scale, "[4,5,6]");
  EXPECT_EQ(config->preprocess.color_format, "BGR:RGB");
  EXPECT_EQ(config->preprocess.precision, "fp32");
  EXPECT_EQ(to_string(config->version_policy), "all");
  EXPECT_EQ(config->nireq, 7U);
  EXPECT_EQ(config->plugin_config.at("PERFORMANCE_HINT"), "THROUGHPUT");
}

TEST(ModelFlags, ContradictionsAreRefused) {
  ModelFlags given = flags();
  given.mean = "1";
  EXPECT_THAT(refusal(model_config_from_flags(given)), HasSubstr("mean parameter requires layout to be set"));
  given = flags();
  given.nireq = 100'001;
  EXPECT_THAT(refusal(model_config_from_flags(given)), HasSubstr("nireq: at most 100000 expected, not 100001"));
  given = flags();
  given.low_latency_transformation = true;
  EXPECT_THAT(refusal(model_config_from_flags(given)), HasSubstr("require setting stateful flag"));
  given = flags();
  given.stateful = true;
  given.shape = "auto";
  EXPECT_THAT(refusal(model_config_from_flags(given)),
              HasSubstr("a stateful model cannot have batch_size or shape auto"));
  given = flags();
  given.model_name = std::string("a\nb");
  EXPECT_THAT(refusal(model_config_from_flags(given)), HasSubstr("name: 1 to 512 printable characters"));
}

TEST(ModelFlags, CloudStorageIsRefusedByItsScheme) {
  for (const std::string scheme : {"s3://", "gs://", "azure://", "azfs://"}) {
    ModelFlags given = flags();
    given.model_path = scheme + "bucket/model";
    const auto config = model_config_from_flags(given);
    ASSERT_FALSE(config.ok());
    EXPECT_EQ(config.status().code(), StatusCode::kUnimplemented);
    EXPECT_THAT(std::string(config.status().message()), HasSubstr(scheme + " storage is not supported"));
  }
}

}  // namespace
}  // namespace ocelli::repository
