#include "repository/config_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "repository/temporary_folder.hpp"

namespace ocelli::repository {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

ConfigFile parse(const std::string& text) {
  auto file = parse_config(text, "/etc/models");
  EXPECT_TRUE(file.ok()) << file.status().to_string();
  return file.ok() ? *file : ConfigFile{};
}

std::string refusal(const std::string& text) {
  const auto file = parse_config(text, "/etc/models");
  if (file.ok()) return "accepted";
  EXPECT_EQ(file.status().code(), StatusCode::kFailedPrecondition);
  return std::string(file.status().message());
}

std::string with_model(const std::string& members) { return R"({"model_config_list":[{"config":{)" + members + "}}]}"; }

TEST(ConfigFile, EveryModelKey) {
  const auto file = parse(with_model(R"json(
    "name":"m","base_path":"models/m","batch_size":"8","shape":{"a":"(1,3)","b":"auto"},"layout":{"a":"nc"},"mean":[1,2,3],"scale":2.5,
    "color_format":"BGR:RGB","precision":"uint8:fp32","model_version_policy":{"specific":{"versions":[1,3]}},"nireq":4,
    "target_device":"MULTI:GPU,CPU","plugin_config":{"PERFORMANCE_HINT":"LATENCY","NUM":4,"ON":true},"allow_cache":true,
    "custom_loader_options":{"loader_name":"l","file":"f"},"stateful":false,"idle_sequence_cleanup":true,"low_latency_transformation":false,
    "max_sequence_number":500,"idle_unload_seconds":0,"graph_path":"g","subconfig":"s")json"));
  ASSERT_EQ(file.models.size(), 1U);
  ASSERT_TRUE(file.models[0].status.ok()) << file.models[0].status.to_string();
  const ModelConfig& model = file.models[0].config;
  EXPECT_EQ(model.name, "m");
  EXPECT_EQ(model.base_path, "/etc/models/models/m");
  EXPECT_EQ(model.batch.extent, Dimension::fixed(8));
  EXPECT_EQ(model.shapes.at("a").extents.to_string(), "(1,3)");
  EXPECT_TRUE(model.shapes.at("b").automatic);
  EXPECT_EQ(model.preprocess.layout.at("a"), "NC");
  EXPECT_EQ(model.preprocess.mean, "[1,2,3]");
  EXPECT_EQ(model.preprocess.scale, "2.5");
  EXPECT_EQ(to_string(model.version_policy), "specific 1,3");
  EXPECT_EQ(model.nireq, 4U);
  EXPECT_EQ(model.target_device, "MULTI:GPU,CPU");
  EXPECT_EQ(model.plugin_config.at("NUM"), "4");
  EXPECT_EQ(model.plugin_config.at("ON"), "true");
  EXPECT_TRUE(model.allow_cache);
  EXPECT_EQ(model.custom_loader, "l");
  EXPECT_EQ(model.idle_unload_seconds, 0U);
  EXPECT_FALSE(parse(with_model(R"("name":"m","base_path":"/m")")).models[0].config.idle_unload_seconds);
}

TEST(ConfigFile, ShapesAndLayoutsAsTheCommandLineTakesThem) {
  const auto file = parse(R"json({"model_config_list":[
    {"config":{"name":"a","base_path":"/m","shape":"","layout":""}},
    {"config":{"name":"b","base_path":"/m","shape":"{\"x\":\"(1,3)\",\"y\":\"auto\"}","layout":"{\"x\":\"nhwc:nchw\"}"}},
    {"config":{"name":"c","base_path":"/m","shape":"{\"x\":3}"}}]})json");
  ASSERT_EQ(file.models.size(), 3U);
  EXPECT_TRUE(file.models[0].status.ok()) << "an empty text is none";
  EXPECT_TRUE(file.models[0].config.shapes.empty() && file.models[0].config.preprocess.layout.empty());
  ASSERT_TRUE(file.models[1].status.ok()) << file.models[1].status.to_string();
  EXPECT_EQ(file.models[1].config.shapes.at("x").extents.to_string(), "(1,3)");
  EXPECT_TRUE(file.models[1].config.shapes.at("y").automatic);
  EXPECT_EQ(file.models[1].config.preprocess.layout.at("x"), "NHWC:NCHW");
  EXPECT_THAT(file.models[2].status.to_string(), HasSubstr("shape.x: a string expected"));
}

TEST(ConfigFile, BatchSizeInEverySpelling) {
  for (const auto& [text, expected] : {std::pair{"8", Dimension::fixed(8)}, std::pair{"\"8\"", Dimension::fixed(8)},
                                       std::pair{"\"1:8\"", Dimension{1, 8}}, std::pair{"-1", Dimension::any()},
                                       std::pair{"\"-1\"", Dimension::any()}}) {
    const auto file = parse(with_model(std::string(R"("name":"m","base_path":"/m","batch_size":)") + text));
    EXPECT_TRUE(file.models[0].status.ok());
    EXPECT_EQ(file.models[0].config.batch.extent, expected) << text;
  }
}

TEST(ConfigFile, PathsAreRelativeToTheFileUnlessAbsoluteOrRemote) {
  EXPECT_EQ(parse(with_model(R"("name":"m","base_path":"../m")")).models[0].config.base_path, "/etc/m");
  EXPECT_EQ(parse(with_model(R"("name":"m","base_path":"/m")")).models[0].config.base_path, "/m");
  const auto remote = parse(with_model(R"("name":"m","base_path":"s3://bucket/m")")).models[0];
  EXPECT_EQ(remote.config.base_path, "s3://bucket/m");
  EXPECT_EQ(remote.status.code(), StatusCode::kUnimplemented);
}

TEST(ConfigFile, UnknownKeysAnywhereSpoilTheFile) {
  EXPECT_THAT(refusal(R"({"model_config_list":[],"model_list":[]})"),
              HasSubstr("config.json: model_list: unknown key; known here are"));
  EXPECT_THAT(refusal(with_model(R"("name":"m","base_path":"/m","nam":1)")),
              HasSubstr("model_config_list[0].config.nam: unknown key"));
  EXPECT_THAT(refusal(R"({"model_config_list":[{"config":{"name":"m","base_path":"/m"},"x":1}]})"),
              HasSubstr("model_config_list[0].x: unknown key"));
  EXPECT_THAT(refusal(R"({"model_config_list":[],"monitoring":{"metrics":{"enable":true,"list":[]}}})"),
              HasSubstr("monitoring.metrics.list: unknown key"));
  EXPECT_THAT(
      refusal(
          R"({"model_config_list":[],"pipeline_config_list":[{"name":"p","inputs":[],"nodes":[{"name":"n","type":"DL model",
      "model_name":"m","inputs":[],"outputs":[],"typ":1}],"outputs":[]}]})"),
      HasSubstr("pipeline_config_list[0].nodes[0].typ: unknown key"));
}

TEST(ConfigFile, WrongTypesNameThePathAndWhatWasExpected) {
  EXPECT_THAT(refusal("[]"), HasSubstr("an object expected, not an array"));
  EXPECT_THAT(refusal("{}"), HasSubstr("model_config_list: is missing"));
  EXPECT_THAT(refusal(R"({"model_config_list":{}})"), HasSubstr("model_config_list: an array expected, not an object"));
  EXPECT_THAT(refusal(R"({"model_config_list":[{}]})"), HasSubstr("model_config_list[0].config: is missing"));
  EXPECT_THAT(refusal(with_model(R"("base_path":"/m")")), HasSubstr("config.name: is missing"));
  EXPECT_THAT(refusal(with_model(R"("name":7,"base_path":"/m")")), HasSubstr("config.name: a string expected, not 7"));
  EXPECT_THAT(refusal(with_model(R"("name":"m","nireq":"8")")),
              HasSubstr("config.nireq: a whole number from 0 expected, not \"8\""));
  EXPECT_THAT(refusal(with_model(R"("name":"m","nireq":-1)")), HasSubstr("config.nireq"));
  EXPECT_THAT(refusal(with_model(R"("name":"m","nireq":18446744073709551615)")), HasSubstr("config.nireq"));
  EXPECT_THAT(refusal(with_model(R"("name":"m","batch_size":1.5)")),
              HasSubstr("config.batch_size: a string or a whole number expected, not 1.5"));
  EXPECT_THAT(refusal(with_model(R"("name":"m","shape":[1])")),
              HasSubstr("config.shape: a string or an object of strings"));
  EXPECT_THAT(refusal(with_model(R"("name":"m","plugin_config":{"A":[]})")),
              HasSubstr("config.plugin_config.A: a string, a boolean or a number"));
  EXPECT_THAT(refusal(with_model(R"("name":"m","custom_loader_options":{})")),
              HasSubstr("custom_loader_options.loader_name: is missing"));
  EXPECT_THAT(refusal(R"({"model_config_list":[],"monitoring":{"metrics":{}}})"),
              HasSubstr("monitoring.metrics.enable: is missing"));
  EXPECT_THAT(refusal(R"({"model_config_list":[],"monitoring":{}})"), HasSubstr("monitoring.metrics: is missing"));
}

TEST(ConfigFile, ABadValueBreaksItsOwnEntryOnly) {
  const auto file = parse(R"json({"model_config_list":[
    {"config":{"name":"bad","base_path":"/m","shape":"(1,a)"}},
    {"config":{"name":"greedy","base_path":"/m","nireq":2147483648}},
    {"config":{"name":"homeless"}},
    {"config":{"name":"patient","base_path":"/m","idle_unload_seconds":4294967296}},
    {"config":{"name":"good","base_path":"/m"}}]})json");
  ASSERT_EQ(file.models.size(), 5U);
  EXPECT_THAT(file.models[0].status.to_string(), HasSubstr("shape: a number from 1"));
  EXPECT_THAT(file.models[1].status.to_string(), HasSubstr("nireq: at most 100000 expected, not 2147483648"));
  EXPECT_THAT(file.models[2].status.to_string(), HasSubstr("base_path is missing"));
  EXPECT_THAT(file.models[3].status.to_string(), HasSubstr("idle_unload_seconds: at most 4294967295"));
  EXPECT_TRUE(file.models[4].status.ok());
}

constexpr const char* kPipeline =
    R"({"name":"%","inputs":["i"],"nodes":[{"name":"n","model_name":"m","type":"DL model","version":2,
   "inputs":[{"x":{"node_name":"request","data_item":"i"}}],"outputs":[{"data_item":"y","alias":"z"}],"demultiply_count":0,"gather_from_node":"q"}],
   "outputs":[{"o":{"node_name":"n","data_item":"z"}}],"demultiply_count":-1})";

std::string pipeline(const std::string& name) {
  std::string text = kPipeline;
  return text.replace(text.find('%'), 1, name);
}

TEST(ConfigFile, Pipelines) {
  const auto file = parse(R"({"model_config_list":[],"pipeline_config_list":[)" + pipeline("p") + "]}");
  ASSERT_EQ(file.pipelines.size(), 1U);
  const serving::PipelineDefinition& config = file.pipelines[0].definition;
  EXPECT_TRUE(file.pipelines[0].status.ok());
  EXPECT_THAT(config.inputs, ElementsAre("i"));
  ASSERT_EQ(config.nodes.size(), 1U);
  EXPECT_EQ(config.nodes[0].version, 2);
  EXPECT_EQ(config.nodes[0].inputs.at("x"), (serving::PipelineSource{"request", "i"}));
  EXPECT_EQ(config.nodes[0].outputs.at("z"), "y");
  EXPECT_EQ(config.nodes[0].demultiply_count, -1) << "0 is the older spelling of any";
  EXPECT_EQ(config.nodes[0].gather_from, "q");
  EXPECT_EQ(config.demultiply_count, -1);
  EXPECT_EQ(config.outputs.at("o"), (serving::PipelineSource{"n", "z"}));
}

TEST(ConfigFile, CustomNodesAreAcceptedAndRefusedOnUse) {
  const auto file =
      parse(R"({"model_config_list":[],"custom_node_library_config_list":[{"name":"lib","base_path":"lib.so"}],
    "pipeline_config_list":[{"name":"p","inputs":[],"nodes":[{"name":"n","library_name":"lib","type":"custom","params":{"a":"1"},"inputs":[],"outputs":[]}],"outputs":[]}],
    "custom_loader_config_list":[{"config":{"loader_name":"l","library_path":"l.so"}}],"mediapipe_config_list":[{"name":"g","base_path":"g"}]})");
  EXPECT_EQ(file.pipelines[0].status.code(), StatusCode::kUnimplemented);
  EXPECT_THAT(file.pipelines[0].status.to_string(), HasSubstr("custom nodes (library \"lib\") are not supported"));
  ASSERT_EQ(file.unsupported.size(), 3U);
}

TEST(ConfigFile, TheSecondOfOneNameIsAnError) {
  const auto file =
      parse(R"({"model_config_list":[{"config":{"name":"a","base_path":"/1"}},{"config":{"name":"a","base_path":"/2"}}],
    "pipeline_config_list":[)" +
            pipeline("a") + "," + pipeline("b") + "]}");
  EXPECT_TRUE(file.models[0].status.ok());
  EXPECT_EQ(file.models[1].status.code(), StatusCode::kAlreadyExists);
  EXPECT_THAT(file.models[1].status.to_string(),
              HasSubstr("model_config_list[1]: the name \"a\" is already taken by model_config_list[0]"));
  EXPECT_EQ(file.pipelines[0].status.code(), StatusCode::kAlreadyExists);
  EXPECT_TRUE(file.pipelines[1].status.ok());
}

TEST(ConfigFile, Monitoring) {
  EXPECT_FALSE(parse(R"({"model_config_list":[]})").monitoring.has_value());
  const auto file = parse(
      R"({"model_config_list":[],"monitoring":{"metrics":{"enable":true,"metrics_list":["ovms_streams"],"endpoint_path":"/m"}}})");
  ASSERT_TRUE(file.monitoring);
  EXPECT_TRUE(file.monitoring->metrics_enabled);
  EXPECT_THAT(*file.monitoring->metrics_list, ElementsAre("ovms_streams"));
  EXPECT_EQ(file.monitoring->endpoint_path, "/m");
}

TEST(ConfigFile, HasLimits) {
  EXPECT_THAT(refusal(std::string(100, '[') + std::string(100, ']')), HasSubstr("nested more than 32 deep"));
  EXPECT_THAT(refusal(std::string(17 << 20, ' ')), HasSubstr("more than 16777216 bytes"));
  EXPECT_THAT(refusal(R"({"model_config_list":[],"model_config_list":[]})"),
              HasSubstr("the key \"model_config_list\" occurs twice"));
  EXPECT_THAT(refusal(R"({"model_config_list":[)"), HasSubstr("not valid JSON at byte"));
}

TEST(ConfigFile, ReadingFromDisk) {
  const test::TemporaryFolder folder;
  const auto path = folder.write("config.json", with_model(R"("name":"m","base_path":"m")"));
  std::string digest;
  const auto file = read_config(path, &digest);
  ASSERT_TRUE(file.ok()) << file.status().to_string();
  EXPECT_EQ(file->models[0].config.base_path, (folder.path() / "m").string());
  EXPECT_EQ(*config_digest(path), digest);
  EXPECT_EQ(digest.size(), 32U);
  int pauses = 0;
  const auto missing = read_config(folder.path() / "none.json", nullptr, [&] { ++pauses; });
  EXPECT_EQ(pauses, 3);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.status().code(), StatusCode::kInternal);
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("Config file not found or cannot open."));
  const auto wrong = read_config(folder.write("wrong.json", R"({"model_config_list":[],"x":1})"), nullptr);
  ASSERT_FALSE(wrong.ok());
  EXPECT_THAT(std::string(wrong.status().message()),
              HasSubstr((folder.path() / "wrong.json: x: unknown key").string()));
}

// Of a file of any size, no more is read than shows that it is too large.
TEST(ConfigFile, AHugeFileIsRefusedWithoutReadingAllOfIt) {
  const test::TemporaryFolder folder;
  std::vector<std::string> digests;
  for (const std::uintmax_t megabytes : {20U, 40U}) {
    const auto path = folder.write("config.json", "{}");
    std::filesystem::resize_file(path, megabytes << 20);  // zeros, which take no room on the disk
    const auto file = read_config(path, nullptr, [] {});
    ASSERT_FALSE(file.ok());
    EXPECT_THAT(std::string(file.status().message()), HasSubstr("more than 16777216 bytes"));
    digests.push_back(config_digest(path).value());
  }
  EXPECT_EQ(digests[0], digests[1]) << "of what was read";
}

TEST(ConfigFile, MD5IsTheRealOne) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(*config_digest(folder.write("abc", "abc")), "900150983cd24fb0d6963f7d28e17f72");  // RFC 1321, A.5
}

TEST(ConfigFile, AHalfWrittenFileIsReadAgain) {
  const test::TemporaryFolder folder;
  const std::string whole = with_model(R"("name":"m","base_path":"m")");
  const auto path = folder.write("config.json", whole.substr(0, whole.size() / 2));
  int pauses = 0;
  const auto file = read_config(path, nullptr, [&] {
    if (++pauses == 2) folder.write("config.json", whole);
  });
  EXPECT_EQ(pauses, 2);
  EXPECT_TRUE(file.ok()) << file.status().to_string();
}

}  // namespace
}  // namespace ocelli::repository
