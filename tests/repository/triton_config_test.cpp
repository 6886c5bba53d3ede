// Triton's ModelConfig in the configuration of a load request.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "repository/config_file.hpp"
#include "repository/expected_tensors.hpp"

namespace ocelli::repository {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ModelConfig model() {
  ModelConfig config;
  config.name = "m";
  config.base_path = "/models/m";
  return config;
}

ModelConfig overridden(std::string_view json, const ModelConfig& before = model()) {
  const auto result = override_model(before, json);
  EXPECT_TRUE(result.ok()) << result.status().to_string();
  return result.ok() ? result->config : ModelConfig{};
}

std::string refusal(std::string_view json) {
  const auto result = override_model(model(), json);
  if (result.ok()) return "accepted";
  EXPECT_EQ(result.status().code(), StatusCode::kInvalidArgument);
  return std::string(result.status().message());
}

TEST(TritonConfig, WhatTritonAnswersForAModelIsTaken) {
  const auto result = override_model(model(), R"json({"name":"m","platform":"","backend":"identity","runtime":"",
    "version_policy":{"latest":{"num_versions":1}},"max_batch_size":0,
    "input":[{"name":"x","data_type":"TYPE_FP32","format":"FORMAT_NONE","dims":[1,16],"is_shape_tensor":false,
              "allow_ragged_batch":false,"optional":false,"is_non_linear_format_io":false}],
    "output":[{"name":"y","data_type":"TYPE_FP32","dims":[1,1],"label_filename":"","is_shape_tensor":false}],
    "batch_input":[],"batch_output":[],
    "optimization":{"priority":"PRIORITY_DEFAULT","input_pinned_memory":{"enable":true},"gather_kernel_buffer_threshold":0},
    "instance_group":[{"name":"m_0","kind":"KIND_CPU","count":2,"gpus":[],"secondary_devices":[],"profile":[],
                       "passive":false,"host_policy":""}],
    "default_model_filename":"","cc_model_filenames":{},"metric_tags":{},"parameters":{"a":{"string_value":"b"}},
    "model_warmup":[],"model_transaction_policy":{"decoupled":false}})json");
  ASSERT_TRUE(result.ok()) << result.status().to_string();
  EXPECT_THAT(result->ignored, ElementsAre("backend", "optimization", "parameters"));
  EXPECT_EQ(result->config.nireq, 2U);
  EXPECT_EQ(result->config.target_device, "CPU");
  EXPECT_EQ(result->config.batch, BatchParameter{});
  ASSERT_EQ(result->config.expected_inputs.size(), 1U);
  EXPECT_EQ(result->config.expected_inputs[0].type, DataType::kFp32);
}

// Python's json_format.MessageToJson() writes them so.
TEST(TritonConfig, NamesMayBeThoseOfProtobufsJson) {
  const auto config = overridden(R"({"maxBatchSize":8,"versionPolicy":{"latest":{"numVersions":2}},
    "dynamicBatching":{"preferredBatchSize":[4],"maxQueueDelayMicroseconds":"100"},
    "input":[{"name":"x","dataType":"TYPE_FP32","dims":["16"]}],"instanceGroup":[{"count":3,"hostPolicy":""}],
    "modelTransactionPolicy":{},"ccModelFilenames":{"7.5":"a"},"plugin_config":{"NUM_STREAMS":2}})");
  const auto same = overridden(R"({"max_batch_size":8,"version_policy":{"latest":{"num_versions":2}},
    "dynamic_batching":{"preferred_batch_size":[4],"max_queue_delay_microseconds":100},
    "input":[{"name":"x","data_type":"TYPE_FP32","dims":[16]}],"instance_group":[{"count":3}],
    "plugin_config":{"NUM_STREAMS":2}})");
  EXPECT_EQ(config.batch, same.batch);
  EXPECT_EQ(to_string(config.version_policy), to_string(same.version_policy));
  EXPECT_EQ(config.batching, same.batching);
  EXPECT_EQ(config.nireq, 3U);
  ASSERT_EQ(config.expected_inputs.size(), 1U);
  EXPECT_EQ(config.expected_inputs[0].type, DataType::kFp32);
  EXPECT_THAT(refusal(R"({"maxBatchSize":8,"max_batch_size":8})"), HasSubstr("maxBatchSize"));
  EXPECT_THAT(refusal(R"({"instanceGroup":[{"hostPolicy":"","host_policy":""}]})"), HasSubstr("hostPolicy"));
  EXPECT_THAT(refusal(R"({"dynamicBatching":{"preferredBatchSize":["many"]}})"),
              HasSubstr("dynamic_batching.preferred_batch_size"));
}

TEST(TritonConfig, SettingsThatMeanTheSameHereAreMapped) {
  EXPECT_EQ(to_string(overridden(R"({"version_policy":{"specific":{"versions":["1",3]}}})").version_policy),
            to_string(overridden(R"({"model_version_policy":{"specific":{"versions":[1,3]}}})").version_policy));
  EXPECT_EQ(overridden(R"({"max_batch_size":8})").batch, (BatchParameter{BatchParameter::Kind::kSet, Dimension{1, 8}}));
  const auto batching = overridden(
      R"({"max_batch_size":8,"dynamic_batching":{"preferred_batch_size":[4,8],"max_queue_delay_microseconds":"300"}})");
  EXPECT_EQ(batching.batching, (BatchingParameter{{4, 8}, 300, 8}));
  EXPECT_EQ(overridden(R"({"dynamic_batching":{}})").batching, BatchingParameter{});
  const auto large = overridden(R"({"max_batch_size":65536,"dynamic_batching":{"preferred_batch_size":[8,8,8]}})");
  EXPECT_EQ(large.batch.extent, (Dimension{1, 65536})) << "one request may bring so many";
  EXPECT_EQ(large.batching, (BatchingParameter{{8}, 0, BatchingParameter::kMostItems}));
  EXPECT_FALSE(overridden("{}").batching);
  EXPECT_EQ(overridden("{}"), model());
  EXPECT_EQ(overridden(R"({"instance_group":[{"count":2},{"count":"3","kind":"KIND_AUTO"}]})").nireq, 5U);
}

TEST(TritonConfig, AKindThatNamesADeviceChoosesIt) {
  ModelConfig automatic = model();
  automatic.target_device = "AUTO";
  EXPECT_EQ(overridden(R"({"instance_group":[{"kind":"KIND_AUTO"}]})", automatic).target_device, "AUTO");
  EXPECT_EQ(overridden(R"({"instance_group":[{"kind":"KIND_MODEL"}]})", automatic).target_device, "AUTO");
  EXPECT_EQ(overridden(R"({"instance_group":[{"kind":"KIND_CPU"}]})", automatic).target_device, "CPU");
  EXPECT_EQ(overridden(R"({"instance_group":[{"kind":"KIND_GPU"}]})", automatic).target_device, "AUTO:NVIDIA,GPU");
  EXPECT_EQ(overridden(R"({"instance_group":[{"kind":"KIND_GPU","gpus":[1]}]})").target_device, "NVIDIA.1");
  EXPECT_EQ(overridden(R"({"instance_group":[{"kind":"KIND_GPU","gpus":[0,1]}]})").target_device,
            "MULTI:NVIDIA.0,NVIDIA.1");
  // What names such a device already says it better.
  const auto with = [](const char* kind, const char* before) {
    ModelConfig config = model();
    config.target_device = before;
    return overridden(fmt::format(R"({{"instance_group":[{{"kind":"{}"}}]}})", kind), config).target_device;
  };
  for (const char* card : {"GPU.1", "cuda", "MULTI:GPU.0,GPU.1", "AUTO:GPU", "BATCH:GPU(8)", "HETERO:GPU,CPU", "MALI"})
    EXPECT_EQ(with("KIND_GPU", card), card);
  for (const char* none : {"CPU", "NPU", "MULTI:NPU,CPU", "AUTO:-GPU", "AUTO"})
    EXPECT_EQ(with("KIND_GPU", none), "AUTO:NVIDIA,GPU") << none;
  for (const char* cpu : {"CPU.ONNXRUNTIME", "cpu", "BATCH:CPU(4)", "MULTI:CPU.OPENVINO,CPU.ONNXRUNTIME"})
    EXPECT_EQ(with("KIND_CPU", cpu), cpu);
  for (const char* more : {"AUTO", "MULTI:CPU,GPU", "GPU"}) EXPECT_EQ(with("KIND_CPU", more), "CPU") << more;
}

// Such groups are what the server's own answer says of a list of devices.
TEST(TritonConfig, GroupsOfSeveralKindsLeaveTheDevices) {
  ModelConfig both = model();
  both.target_device = "MULTI:GPU,CPU";
  for (const char* groups : {R"([{"kind":"KIND_AUTO"},{"kind":"KIND_CPU"}])", R"([{"kind":"KIND_CPU"},{}])",
                             R"([{"kind":"KIND_GPU"},{"kind":"KIND_MODEL"}])"}) {
    EXPECT_EQ(overridden(std::string(R"({"instance_group":)") + groups + "}", both).target_device, "MULTI:GPU,CPU")
        << groups;
  }
}

TEST(TritonConfig, CardsThatChooseNothingAreTold) {
  for (const char* group : {R"({"gpus":[1]})", R"({"kind":"KIND_MODEL","gpus":[1]})",
                            R"({"kind":"KIND_GPU","gpus":[1]},{"kind":"KIND_AUTO"})"}) {
    const auto result = override_model(model(), fmt::format(R"({{"instance_group":[{}]}})", group));
    ASSERT_TRUE(result.ok()) << result.status().to_string();
    EXPECT_THAT(result->ignored, ElementsAre("instance_group[0].gpus")) << group;
    EXPECT_EQ(result->config.target_device, "CPU");
  }
  EXPECT_THAT(refusal(R"({"instance_group":[{"kind":"KIND_CPU","gpus":[0]}]})"),
              HasSubstr("instance_group[0].gpus: given beside KIND_CPU"));
}

TEST(TritonConfig, WhatNeitherKnowsIsRefusedByName) {
  EXPECT_THAT(refusal(R"({"foo":1})"), HasSubstr("config override: foo: unknown key"));
  EXPECT_THAT(refusal(R"({"backend":1})"), HasSubstr("backend: a string expected, not 1"));
  EXPECT_THAT(refusal(R"({"max_batch_size":"x"})"), HasSubstr("max_batch_size: a whole number from 0 to"));
  EXPECT_THAT(refusal(R"({"max_batch_size":-1})"), HasSubstr("max_batch_size: a whole number from 0 to"));
  EXPECT_THAT(refusal(R"({"dynamic_batching":{"preferred":[1]}})"),
              HasSubstr("dynamic_batching.preferred: unknown key"));
  EXPECT_THAT(refusal(R"({"max_batch_size":4,"dynamic_batching":{"preferred_batch_size":[8]}})"),
              HasSubstr("dynamic_batching.preferred_batch_size[0]: a whole number from 1 to 4 expected, not 8"));
  EXPECT_THAT(refusal(R"({"dynamic_batching":{"preferred_batch_size":[5000]}})"), HasSubstr("from 1 to 4096 expected"));
  std::string sizes = "1";
  for (int size = 2; size <= 65; ++size) sizes += fmt::format(",{}", size);
  EXPECT_THAT(refusal(R"({"dynamic_batching":{"preferred_batch_size":[)" + sizes + "]}}"),
              HasSubstr("preferred_batch_size[64]: at most 64 sizes expected"));
  EXPECT_THAT(refusal(R"({"instance_group":[{"kind":"KIND_TPU"}]})"), HasSubstr("instance_group[0].kind: KIND_AUTO"));
  EXPECT_THAT(refusal(R"({"instance_group":[{"kind":"KIND_CPU"},{"kind":"KIND_GPU"}]})"), HasSubstr("one kind"));
  EXPECT_THAT(refusal(R"({"input":[{"data_type":"TYPE_FP32"}]})"), HasSubstr("input[0].name: is missing"));
  EXPECT_THAT(refusal(R"({"input":[{"name":"x","data_type":"FP32"}]})"),
              HasSubstr("input[0].data_type: Triton has no"));
  EXPECT_THAT(refusal(R"({"input":[{"name":"x","dims":["a"]}]})"), HasSubstr("input[0].dims[0]: a whole number"));
  EXPECT_THAT(refusal(R"({"input":[{"name":"x","reshape":{"shape":[1]}}]})"), HasSubstr("input[0].reshape: is not"));
  EXPECT_THAT(refusal(R"({"sequence_batching":{"oldest":{}}})"), HasSubstr("sequence_batching: is not supported"));
  EXPECT_THAT(refusal(R"({"ensemble_scheduling":{"step":[1]}})"), HasSubstr("ensemble_scheduling: is not supported"));
  EXPECT_THAT(refusal(R"({"model_transaction_policy":{"decoupled":true}})"), HasSubstr("decoupled: is not supported"));
  EXPECT_THAT(refusal(R"({"name":"other"})"), HasSubstr("is not that of the model"));
  EXPECT_THAT(refusal("[]"), HasSubstr("an object expected"));
}

TEST(TritonConfig, OneSettingUnderBothNamesIsRefused) {
  EXPECT_THAT(refusal(R"({"version_policy":{"all":{}},"model_version_policy":{"all":{}}})"),
              HasSubstr("version_policy: given beside model_version_policy"));
  EXPECT_THAT(refusal(R"({"max_batch_size":4,"batch_size":4})"), HasSubstr("max_batch_size: given beside batch_size"));
  EXPECT_THAT(refusal(R"({"instance_group":[{"count":1}],"nireq":4})"), HasSubstr("given beside nireq"));
  EXPECT_THAT(refusal(R"({"instance_group":[{"kind":"KIND_CPU"}],"target_device":"GPU"})"),
              HasSubstr("given beside target_device"));
}

// --- what is said of inputs and outputs

serving::ServableMetadata loaded() {
  serving::ServableMetadata metadata;
  metadata.inputs = {{"x", DataType::kFp32, {{Dimension::any(), Dimension::fixed(3)}}, "NC"}};
  metadata.outputs = {{"y", DataType::kString, {{Dimension{1, 8}}}, ""}};
  return metadata;
}

std::string contradiction(std::string_view json) {
  return std::string(check_expected(loaded(), overridden(json)).message());
}

TEST(ExpectedTensors, AModelThatIsAsTheRequestSaysPasses) {
  EXPECT_THAT(contradiction("{}"), IsEmpty());
  EXPECT_THAT(contradiction(R"({"input":[{"name":"x","data_type":"TYPE_FP32","dims":[-1,3]}],
                                "output":[{"name":"y","data_type":"TYPE_STRING","dims":["-1"]}]})"),
              IsEmpty());
  EXPECT_THAT(contradiction(R"({"max_batch_size":8,"input":[{"name":"x","dims":[3]}]})"), IsEmpty());
  EXPECT_THAT(contradiction(R"({"input":[{"name":"x","dims":[5,3]}]})"), IsEmpty()) << "it takes that too";
}

TEST(ExpectedTensors, AContradictionNamesBothSides) {
  EXPECT_EQ(contradiction(R"({"input":[{"name":"nope"}]})"), "input \"nope\": the model has no such input");
  EXPECT_EQ(contradiction(R"({"input":[{"name":"x","data_type":"TYPE_INT8"}]})"),
            "input \"x\": data_type is TYPE_INT8, but the model has TYPE_FP32");
  EXPECT_EQ(contradiction(R"({"input":[{"name":"x","dims":[-1,4]}]})"),
            "input \"x\": dims are (-1,4), but the model has (-1,3)");
  EXPECT_EQ(contradiction(R"({"input":[{"name":"x","dims":[-1,-1]}]})"),
            "input \"x\": dims are (-1,-1), but the model has (-1,3)");
  EXPECT_EQ(contradiction(R"({"max_batch_size":2,"input":[{"name":"x","dims":[-1,3]}]})"),
            "input \"x\": dims are (-1,3) without the batch, but the model has (-1,3)");
  EXPECT_EQ(contradiction(R"({"output":[{"name":"y","dims":[9]}]})"),
            "output \"y\": dims are (9), but the model has (1:8)");
}

}  // namespace
}  // namespace ocelli::repository
