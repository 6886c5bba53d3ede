#include "devices/device_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "devices/automatic_devices.hpp"

namespace ocelli::devices {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Use = DevicePlan::Use;

DevicePlan plan_of(const std::string& target, const std::map<std::string, std::string>& properties = {}) {
  auto plan = make_plan(target, properties);
  EXPECT_TRUE(plan.ok()) << plan.status().to_string();
  return plan.ok() ? *plan : DevicePlan{};
}

TEST(DevicePlan, CpuIsOpenvinoThenOnnxRuntimeUnlessChosen) {
  EXPECT_THAT(plan_of("CPU").members[0].placements,
              ElementsAre(Placement{"openvino", "CPU"}, Placement{"onnxruntime", "CPU"}));
  const auto chosen = plan_of("CPU", {{"RUNTIME", "OnnxRuntime"}, {"NUM_STREAMS", "2"}});
  EXPECT_THAT(chosen.members[0].placements, ElementsAre(Placement{"onnxruntime", "CPU"}));
  EXPECT_EQ(chosen.properties, (std::map<std::string, std::string>{{"NUM_STREAMS", "2"}}));
  EXPECT_THAT(plan_of("CPU", {{"RUNTIME", "OPENVINO"}}).members[0].placements,
              ElementsAre(Placement{"openvino", "CPU"}));
}

TEST(DevicePlan, APlainCpuIsTakenApartForMeasuring) {
  const auto apart = with_cpu_runtimes_apart(plan_of("CPU", {{"NUM_STREAMS", "2"}}));
  EXPECT_EQ(apart.use, Use::kFirst);
  ASSERT_EQ(apart.members.size(), 2U);
  EXPECT_EQ(apart.members[0].target, "CPU.OPENVINO");
  EXPECT_THAT(apart.members[0].placements, ElementsAre(Placement{"openvino", "CPU"}));
  EXPECT_EQ(apart.members[1].target, "CPU.ONNXRUNTIME");
  EXPECT_THAT(apart.members[1].placements, ElementsAre(Placement{"onnxruntime", "CPU"}));
  for (const auto& member : apart.members)
    EXPECT_EQ(member.properties, (std::map<std::string, std::string>{{"NUM_STREAMS", "2"}})) << "it has to know them";
  EXPECT_EQ(apart.properties, (std::map<std::string, std::string>{{"NUM_STREAMS", "2"}}));
  for (const char* text : {"CPU.OPENVINO", "GPU", "NVIDIA", "MULTI:GPU,CPU", "AUTO:CPU,GPU", "BATCH:CPU(4)"})
    EXPECT_EQ(with_cpu_runtimes_apart(plan_of(text)), plan_of(text)) << text;
  const auto chosen = plan_of("CPU", {{"RUNTIME", "ONNXRUNTIME"}});
  EXPECT_EQ(with_cpu_runtimes_apart(chosen), chosen);
}

TEST(DevicePlan, TheRuntimeOfACpuStandsBehindTheDot) {
  const auto plan = plan_of("MULTI:CPU.openvino(2),CPU.ONNXRUNTIME", {{"RUNTIME", "OPENVINO"}});
  ASSERT_EQ(plan.members.size(), 2U);
  EXPECT_EQ(plan.members[0].target, "CPU.OPENVINO");
  EXPECT_EQ(plan.members[0].requests, 2U);
  EXPECT_THAT(plan.members[0].placements, ElementsAre(Placement{"openvino", "CPU"}));
  EXPECT_THAT(plan.members[1].placements, ElementsAre(Placement{"onnxruntime", "CPU"}));
}

TEST(DevicePlan, IntelDevicesAndTheirHeteroGoToOpenvinoAsWritten) {
  for (const char* text : {"GPU", "GPU.1", "NPU", "HETERO:GPU,CPU", "HETERO:GPU.0,GPU.1,CPU"}) {
    const auto plan = plan_of(text);
    ASSERT_EQ(plan.members.size(), 1U) << text;
    EXPECT_EQ(plan.use, Use::kAll);
    EXPECT_THAT(plan.members[0].placements, ElementsAre(Placement{"openvino", text}));
  }
}

TEST(DevicePlan, AutoHasAMemberPerDeviceAndUsesTheFirst) {
  const auto plan = plan_of("AUTO:GPU,CPU");
  EXPECT_EQ(plan.use, Use::kFirst);
  ASSERT_EQ(plan.members.size(), 2U);
  EXPECT_THAT(plan.members[0].placements, ElementsAre(Placement{"openvino", "GPU"}));
  EXPECT_FALSE(plan.members[0].quick);
  EXPECT_THAT(plan.members[1].placements, ElementsAre(Placement{"openvino", "CPU"}, Placement{"onnxruntime", "CPU"}));
  EXPECT_TRUE(plan.members[1].quick);
  // GPU alone inside AUTO: the CPU was not allowed, so it is not taken.
  EXPECT_EQ(plan_of("AUTO:GPU").members.size(), 1U);
}

TEST(DevicePlan, AutoWithoutAListTriesTheDocumentedOrder) {
  const auto plan = make_plan("AUTO", {}, {"GPU"});
  ASSERT_TRUE(plan.ok()) << plan.status().to_string();
  std::vector<std::string> targets;
  for (const auto& member : plan->members) targets.push_back(member.target);
  EXPECT_EQ(targets, automatic_devices());
  EXPECT_THAT(plan->members[1].placements, ElementsAre(Placement{"simulated", "GPU"})) << "its name is simulated";
}

std::vector<std::string> targets_of(const std::string& text, const AutomaticDevices& automatic = {}) {
  std::vector<std::string> targets;
  const auto plan = make_plan(text, {}, {}, automatic);
  EXPECT_TRUE(plan.ok()) << plan.status().to_string();
  if (!plan.ok()) return targets;
  for (const auto& member : plan->members) targets.push_back(member.target);
  return targets;
}

DeviceInfo gpu(const char* name, bool discrete) {
  DeviceInfo info;
  info.name = name;
  info.discrete = discrete;
  return info;
}

TEST(DevicePlan, AutoPrefersGpusWithMemoryOfTheirOwn) {
  EXPECT_THAT(automatic_devices(), ElementsAre("NVIDIA", "GPU", "CPU"));
  EXPECT_THAT(automatic_devices({.gpus = {gpu("GPU", false)}}), ElementsAre("NVIDIA", "GPU", "CPU"));
  EXPECT_THAT(automatic_devices({.gpus = {gpu("GPU.0", false), gpu("GPU.1", true)}}),
              ElementsAre("NVIDIA", "GPU.1", "GPU.0", "CPU"));
  EXPECT_THAT(
      automatic_devices({.gpus = {gpu("GPU.10", true), gpu("GPU.0", false), gpu("GPU.9", true), gpu("GPU.1", false)}}),
      ElementsAre("NVIDIA", "GPU.9", "GPU.10", "GPU.0", "GPU.1", "CPU"));
  const auto two = [] { return automatic_devices({.gpus = {gpu("GPU.0", false), gpu("GPU.1", true)}}); };
  EXPECT_THAT(targets_of("AUTO", two), ElementsAre("NVIDIA", "GPU.1", "GPU.0", "CPU"));
}

TEST(DevicePlan, AutoTakesEveryNvidiaCard) {
  EXPECT_THAT(automatic_devices({.nvidia = {"NVIDIA.0"}}), ElementsAre("NVIDIA", "GPU", "CPU"));
  EXPECT_THAT(automatic_devices({.nvidia = {"NVIDIA.1"}}), ElementsAre("NVIDIA.1", "GPU", "CPU"));
  const auto three = [] { return automatic_devices({.nvidia = {"NVIDIA.10", "NVIDIA.0", "NVIDIA.2"}}); };
  EXPECT_THAT(targets_of("AUTO", three), ElementsAre("NVIDIA.0", "NVIDIA.2", "NVIDIA.10", "GPU", "CPU"));
  EXPECT_THAT(targets_of("AUTO:-NVIDIA.0", three), ElementsAre("NVIDIA.2", "NVIDIA.10", "GPU", "CPU"));
  EXPECT_THAT(targets_of("AUTO:-NVIDIA", three), ElementsAre("GPU", "CPU"));
}

TEST(DevicePlan, AutoTakesAMaliGpuThatIsThere) {
  const auto board = [] { return automatic_devices({.mali = true}); };
  EXPECT_THAT(targets_of("AUTO", board), ElementsAre("NVIDIA", "GPU", "ARMNN.GpuAcc", "CPU"));
  EXPECT_THAT(targets_of("AUTO:-MALI", board), ElementsAre("NVIDIA", "GPU", "CPU"));
  EXPECT_THAT(targets_of("AUTO:-ARMNN,-GPU", board), ElementsAre("NVIDIA", "CPU"));
  RuntimeRegistry none(std::filesystem::temp_directory_path() / "no_backends", Log());
  EXPECT_THAT(automatic_devices(none, true), ElementsAre("NVIDIA", "GPU", "CPU"));
}

TEST(DevicePlan, OnlyAutoWithoutAListAsksTheMachine) {
  int asked = 0;
  const auto automatic = [&] {
    ++asked;
    return automatic_devices();
  };
  for (const char* text : {"CPU", "AUTO:GPU,CPU", "MULTI:GPU,CPU"}) (void)targets_of(text, automatic);
  EXPECT_EQ(asked, 0);
  (void)targets_of("AUTO:-GPU", automatic);
  EXPECT_EQ(asked, 1);
}

TEST(DevicePlan, AutoLeavesOutWhatItIsTold) {
  EXPECT_THAT(targets_of("AUTO:-GPU,-NPU"), ElementsAre("NVIDIA", "CPU"));
  EXPECT_THAT(targets_of("AUTO:-CPU"), ElementsAre("NVIDIA", "GPU"));
  EXPECT_THAT(targets_of("AUTO:-GPU.0"), ElementsAre("NVIDIA", "CPU")) << "a single GPU is GPU.0";
  EXPECT_THAT(targets_of("AUTO:-GPU.1"), ElementsAre("NVIDIA", "GPU", "CPU"));
  const auto two = [] { return automatic_devices({.gpus = {gpu("GPU.0", false), gpu("GPU.1", true)}}); };
  EXPECT_THAT(targets_of("AUTO:-GPU.1,-NVIDIA", two), ElementsAre("GPU.0", "CPU"));
  EXPECT_THAT(targets_of("AUTO:-GPU", two), ElementsAre("NVIDIA", "CPU"));
  const auto nothing = make_plan("AUTO:-CPU,-GPU,-NVIDIA", {});
  EXPECT_EQ(nothing.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(nothing.status().to_string(), HasSubstr("\"AUTO:-CPU,-GPU,-NVIDIA\": no device is left"));
  const auto parsed = parse_target_device("AUTO:-GPU");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(make_plan(*parsed, {})->members.size(), 2U) << "also from an expression";
}

TEST(DevicePlan, FallbackSwitchesOfAuto) {
  const auto plan = plan_of("AUTO:GPU,CPU", {{"ENABLE_STARTUP_FALLBACK", "NO"}, {"ENABLE_RUNTIME_FALLBACK", "false"}});
  EXPECT_FALSE(plan.startup_fallback);
  EXPECT_FALSE(plan.runtime_fallback);
  EXPECT_TRUE(plan.properties.empty());
}

TEST(DevicePlan, DevicePropertiesBelongToOneMember) {
  const auto plan = plan_of("MULTI:NVIDIA.0,CPU",
                            {{"DEVICE_PROPERTIES", R"({cpu:{NUM_STREAMS:2, "A":"b"},NVIDIA.0:{}})"}, {"X", "y"}});
  EXPECT_EQ(plan.members[1].properties, (std::map<std::string, std::string>{{"NUM_STREAMS", "2"}, {"A", "b"}}));
  EXPECT_TRUE(plan.members[0].properties.empty());
  EXPECT_EQ(plan.properties, (std::map<std::string, std::string>{{"X", "y"}}));
}

TEST(DevicePlan, DevicePropertiesNameMembersAsTheListMay) {
  const auto properties_of = [](const std::string& target, const std::string& given) {
    std::vector<std::string> values;
    for (const auto& member : plan_of(target, {{"DEVICE_PROPERTIES", given}}).members) {
      const auto found = member.properties.find("K");
      values.push_back(found == member.properties.end() ? "" : found->second);
    }
    return values;
  };
  EXPECT_THAT(properties_of("MULTI:CPU,MALI", "{MALI:{K:1}}"), ElementsAre("", "1"));
  EXPECT_THAT(properties_of("AUTO:GPU.0,CPU", "{GPU:{K:1}}"), ElementsAre("1", ""));
  EXPECT_THAT(properties_of("AUTO:GPU,CPU", "{GPU.0:{K:1}}"), ElementsAre("1", ""));
  EXPECT_THAT(properties_of("MULTI:GPU.0,GPU.1,CPU", "{GPU.1:{K:2},GPU:{K:1}}"), ElementsAre("1", "2", ""));
  EXPECT_THAT(properties_of("MULTI:CPU.OPENVINO,CPU.ONNXRUNTIME", "{CPU:{K:1}}"), ElementsAre("1", "1"));
  EXPECT_THAT(properties_of("MULTI:NPU,GPU", "{GPU.0:{K:1}}"), ElementsAre("", "1"));
}

TEST(DevicePlan, HeteroOverNvidiaAndCpuIsDividedByProviders) {
  EXPECT_THAT(plan_of("HETERO:NVIDIA,CPU").members[0].placements,
              ElementsAre(Placement{"onnxruntime", "HETERO:TENSORRT.0,CUDA.0,CPU"},
                          Placement{"onnxruntime", "HETERO:CUDA.0,CPU"}));
  EXPECT_THAT(plan_of("HETERO:CUDA.1,CPU").members[0].placements,
              ElementsAre(Placement{"onnxruntime", "HETERO:CUDA.1,CPU"}));
}

TEST(DevicePlan, HeteroKeepsToTheSmallestLimitOfRequests) {
  EXPECT_EQ(plan_of("HETERO:GPU(4),CPU(2)").members[0].requests, 2U);
  EXPECT_EQ(plan_of("HETERO:NVIDIA,CPU(3)").members[0].requests, 3U);
  EXPECT_EQ(plan_of("HETERO:GPU,CPU").members[0].requests, std::nullopt);
}

TEST(DevicePlan, NvidiaIsTensorrtThenCuda) {
  EXPECT_THAT(plan_of("NVIDIA.1").members[0].placements,
              ElementsAre(Placement{"onnxruntime", "TENSORRT.1"}, Placement{"onnxruntime", "CUDA.1"}));
  EXPECT_THAT(plan_of("CUDA").members[0].placements, ElementsAre(Placement{"onnxruntime", "CUDA.0"}));
  EXPECT_THAT(plan_of("TENSORRT").members[0].placements, ElementsAre(Placement{"onnxruntime", "TENSORRT.0"}));
  EXPECT_THAT(plan_of("MALI").members[0].placements, ElementsAre(Placement{"armnn", "GpuAcc"}));
}

TEST(DevicePlan, MultiOverSeveralRuntimesHasAMemberPerDevice) {
  const auto plan = plan_of("MULTI:NVIDIA(8),CPU(2)");
  EXPECT_EQ(plan.use, Use::kAll);
  ASSERT_EQ(plan.members.size(), 2U);
  EXPECT_EQ(plan.members[0].target, "NVIDIA");
  EXPECT_EQ(plan.members[0].requests, 8U);
  EXPECT_EQ(plan.members[1].requests, 2U);
}

TEST(DevicePlan, AutoOverSeveralRuntimesTakesOneOrAll) {
  EXPECT_EQ(plan_of("AUTO:NVIDIA,CPU").use, Use::kFirst);
  EXPECT_EQ(plan_of("AUTO:NVIDIA,CPU", {{"PERFORMANCE_HINT", "CUMULATIVE_THROUGHPUT"}}).use, Use::kAny);
}

TEST(DevicePlan, CumulativeThroughputIsThroughputForEachMember) {
  EXPECT_EQ(plan_of("AUTO:NVIDIA,CPU", {{"PERFORMANCE_HINT", "CUMULATIVE_THROUGHPUT"}}).properties,
            (std::map<std::string, std::string>{{"PERFORMANCE_HINT", "THROUGHPUT"}}));
}

TEST(DevicePlan, BatchIsOursOnEveryDevice) {
  const auto plan = plan_of("BATCH:GPU(16)", {{"AUTO_BATCH_TIMEOUT", "250"}});
  EXPECT_TRUE(plan.batching);
  EXPECT_EQ(plan.batch, 16U);
  EXPECT_EQ(plan.batch_timeout, std::chrono::milliseconds(250));
  EXPECT_TRUE(plan.properties.empty());
  EXPECT_EQ(plan.members[0].requests, std::nullopt);
  EXPECT_THAT(plan.members[0].placements, ElementsAre(Placement{"openvino", "GPU"}));
}

TEST(DevicePlan, BatchingIsToldHowLongToWaitAndWhetherAtAllWithEveryDevice) {
  for (const char* target : {"CPU", "GPU", "AUTO", "MULTI:GPU,CPU", "BATCH:GPU"}) {
    const auto plan = plan_of(target, {{"AUTO_BATCH_TIMEOUT", "20"}, {"ALLOW_AUTO_BATCHING", "NO"}});
    EXPECT_EQ(plan.batch_timeout, std::chrono::milliseconds(20)) << target;
    EXPECT_FALSE(plan.automatic_batching) << target;
    EXPECT_TRUE(plan.properties.empty()) << target;
  }
  EXPECT_EQ(plan_of("CPU").batch_timeout, std::nullopt);
  EXPECT_TRUE(plan_of("CPU", {{"ALLOW_AUTO_BATCHING", "true"}}).automatic_batching);
}

TEST(DevicePlan, WhatOpenvinosListsTakeIsAcceptedAndSaidToHaveNoEffect) {
  const auto plan = plan_of("AUTO:GPU,CPU", {{"SCHEDULE_POLICY", "ROUND_ROBIN"},
                                             {"DEVICE_BIND_BUFFER", "YES"},
                                             {"MODEL_PRIORITY", "HIGH"},
                                             {"DEVICES_UTILIZATION_THRESHOLD", "80"}});
  EXPECT_EQ(plan.properties, (std::map<std::string, std::string>{{"MODEL_PRIORITY", "HIGH"}})) << "a GPU knows it";
  EXPECT_TRUE(plan.list_keys.contains("MODEL_PRIORITY"));
  ASSERT_EQ(plan.remarks.size(), 4U);
  EXPECT_THAT(plan.remarks[0], HasSubstr("SCHEDULE_POLICY has no effect on the list"));
  EXPECT_TRUE(plan_of("CPU", {{"SCHEDULE_POLICY", "ROUND_ROBIN"}}).properties.contains("SCHEDULE_POLICY"))
      << "not a list's: OpenVINO's CPU refuses it";
  EXPECT_TRUE(plan_of("MULTI:GPU,CPU", {{"LOW_POWER_DEVICE", "GPU"}}).properties.contains("LOW_POWER_DEVICE"));
}

TEST(DevicePlan, TheDevicesOfAListMayStandInPluginConfig) {
  const std::map<std::string, std::string> config{{"MULTI_DEVICE_PRIORITIES", "GPU, CPU"}};
  EXPECT_EQ(plan_of("auto", config), plan_of("AUTO:GPU,CPU"));
  EXPECT_EQ(plan_of("MULTI", config), plan_of("MULTI:GPU,CPU"));
  EXPECT_EQ(plan_of("HETERO", config), plan_of("HETERO:GPU,CPU"));
  EXPECT_EQ(plan_of("MULTI:gpu,CPU", config), plan_of("MULTI:GPU,CPU"));
  EXPECT_EQ(plan_of(" MULTI : GPU,CPU", config), plan_of("MULTI:GPU,CPU")) << "blanks as everywhere";
  EXPECT_EQ(plan_of("MULTI:MALI,CPU", {{"MULTI_DEVICE_PRIORITIES", "ARMNN.GpuAcc,\tcpu"}}), plan_of("MULTI:MALI,CPU"))
      << "other words for the same";
  EXPECT_EQ(plan_of("MULTI", {{"MULTI_DEVICE_PRIORITIES", "MALI,CPU"}}), plan_of("MULTI:MALI,CPU"));
  const AutomaticDevices automatic = [] { return std::vector<std::string>{"NPU", "GPU", "CPU"}; };
  for (const char* target : {"AUTO", "AUTO:-NPU"}) {
    const auto less = make_plan(target, {{"MULTI_DEVICE_PRIORITIES", "-NPU"}}, {}, automatic);
    ASSERT_TRUE(less.ok()) << less.status().to_string();
    EXPECT_EQ(*less, plan_of("AUTO:GPU,CPU"));
  }
  const auto other = make_plan("MULTI:CPU,GPU", config);
  ASSERT_FALSE(other.ok());
  EXPECT_THAT(other.status().to_string(),
              HasSubstr("MULTI_DEVICE_PRIORITIES is GPU, CPU, but target_device is MULTI:CPU,GPU"));
}

TEST(DevicePlan, OldNamesOfKeysBelongToTheirDevices) {
  using Keys = std::map<std::string, std::string>;
  const auto plain = plan_of(
      "CPU",
      {{"CPU_THROUGHPUT_STREAMS", "CPU_THROUGHPUT_AUTO"}, {"CPU_THREADS_NUM", "3"}, {"CPU_BIND_THREAD", "NUMA"}});
  EXPECT_EQ(plain.properties,
            (Keys{{"NUM_STREAMS", "AUTO"}, {"INFERENCE_NUM_THREADS", "3"}, {"ENABLE_CPU_PINNING", "YES"}}));
  ASSERT_EQ(plain.remarks.size(), 3U);
  EXPECT_THAT(plain.remarks[0], HasSubstr("CPU_THROUGHPUT_STREAMS is the old name of NUM_STREAMS; NUM_STREAMS=AUTO"));
  const auto both = plan_of("AUTO:GPU,CPU", {{"CPU_THROUGHPUT_STREAMS", "1"}, {"GPU_THROUGHPUT_STREAMS", "4"}});
  EXPECT_TRUE(both.properties.empty());
  EXPECT_EQ(both.members[0].properties, (Keys{{"NUM_STREAMS", "4"}}));
  EXPECT_EQ(both.members[1].properties, (Keys{{"NUM_STREAMS", "1"}}));
  EXPECT_EQ(plan_of("MULTI:CPU.OPENVINO,CPU.ONNXRUNTIME", {{"CPU_THREADS_NUM", "1"}}).properties,
            (Keys{{"INFERENCE_NUM_THREADS", "1"}}));
  EXPECT_EQ(plan_of("HETERO:GPU,CPU", {{"GPU_THROUGHPUT_STREAMS", "2"}}).properties, (Keys{{"NUM_STREAMS", "2"}}));
  // Of another device: it stays, and nobody knows it.
  EXPECT_EQ(plan_of("CPU", {{"GPU_THROUGHPUT_STREAMS", "2"}}).properties, (Keys{{"GPU_THROUGHPUT_STREAMS", "2"}}));
  const auto newer = plan_of("MULTI:GPU,CPU", {{"CPU_THREADS_NUM", "4"}, {"INFERENCE_NUM_THREADS", "2"}});
  ASSERT_EQ(newer.remarks.size(), 1U);
  EXPECT_THAT(newer.remarks[0], HasSubstr("INFERENCE_NUM_THREADS=2 is used for CPU")) << "the new name wins";
  const auto hinted = plan_of(
      "AUTO:GPU,CPU", {{"DEVICE_PROPERTIES", "{CPU:{PERFORMANCE_HINT:LATENCY}}"}, {"CPU_THROUGHPUT_STREAMS", "2"}});
  EXPECT_EQ(hinted.members[1].properties, (Keys{{"PERFORMANCE_HINT", "LATENCY"}})) << "its own word is the later one";
  EXPECT_EQ(plan_of("MULTI:GPU,CPU", {{"DEVICE_PROPERTIES", "{CPU:{CPU_THREADS_NUM:2}}"}, {"CPU_THREADS_NUM", "4"}})
                .members[1]
                .properties,
            (Keys{{"INFERENCE_NUM_THREADS", "2"}}))
      << "what is said for the member alone wins";
}

TEST(DevicePlan, HowAModelIsDividedIsToldToWhoDividesIt) {
  const std::map<std::string, std::string> policy{{"MODEL_DISTRIBUTION_POLICY", "PIPELINE_PARALLEL"}};
  const auto plan = plan_of("HETERO:CPU", policy);
  EXPECT_THAT(plan.members[0].placements, ElementsAre(Placement{"openvino", "HETERO:CPU"}));
  EXPECT_EQ(plan.properties, policy);
  EXPECT_EQ(plan_of("HETERO:CPU").members[0].placements, plan_of("CPU").members[0].placements);
  EXPECT_TRUE(plan_of("HETERO:NVIDIA,CPU", policy).list_keys.contains("MODEL_DISTRIBUTION_POLICY"))
      << "ONNX Runtime does without it";
}

TEST(DevicePlan, SimulatedDevices) {
  const auto plan = make_plan("MULTI:MYRIAD,CPU", {}, {"MYRIAD"});
  ASSERT_TRUE(plan.ok()) << plan.status().to_string();
  EXPECT_THAT(plan->members[0].placements, ElementsAre(Placement{"simulated", "MYRIAD"}));
}

TEST(DevicePlan, MovidiusAndOlderOpenvino) {
  EXPECT_THAT(plan_of("MYRIAD").members[0].placements, ElementsAre(Placement{"openvino_c", "MYRIAD"}));
  EXPECT_THAT(plan_of("MYRIAD.1.2-ma2480").members[0].placements,
              ElementsAre(Placement{"openvino_c", "MYRIAD.1.2-ma2480"}));
  EXPECT_THAT(plan_of("legacy.CPU").members[0].placements, ElementsAre(Placement{"openvino_c", "LEGACY.CPU"}));
  const auto multi = plan_of("MULTI:HDDL,CPU");
  ASSERT_EQ(multi.members.size(), 2U);
  EXPECT_THAT(multi.members[0].placements, ElementsAre(Placement{"openvino_c", "HDDL"}));
}

TEST(DevicePlan, RefusesWhatCannotWork) {
  const auto refusal = [](const std::string& target, const std::map<std::string, std::string>& properties = {}) {
    const auto plan = make_plan(target, properties);
    return plan.ok() ? std::string("accepted") : plan.status().to_string();
  };
  EXPECT_THAT(refusal("HETERO:NVIDIA,GPU"), HasSubstr("no runtime divides a model over these devices"));
  for (const char* text :
       {"HETERO:CPU.OPENVINO,CPU.ONNXRUNTIME", "HETERO:CPU,CPU.ONNXRUNTIME", "HETERO:CPU.OPENVINO,CPU"})
    EXPECT_THAT(refusal(text), HasSubstr("the processor stands in the list twice"));
  EXPECT_THAT(refusal("HETERO:NVIDIA,CPU.OPENVINO"), HasSubstr("no runtime divides a model over these devices"));
  EXPECT_THAT(refusal("HETERO:GPU,CPU.ONNXRUNTIME"), HasSubstr("no runtime divides a model over these devices"));
  EXPECT_THAT(refusal("AUTO:GPU,CPU", {{"SCHEDULE_POLICY", "FAIR"}}),
              HasSubstr("SCHEDULE_POLICY: DEFAULT, DEVICE_PRIORITY, ROUND_ROBIN expected, not \"FAIR\""));
  EXPECT_THAT(refusal("CPU", {{"ALLOW_AUTO_BATCHING", "maybe"}}), HasSubstr("ALLOW_AUTO_BATCHING: YES or NO"));
  EXPECT_THAT(refusal("CPU", {{"CPU_THROUGHPUT_STREAMS", "2"}, {"PERFORMANCE_HINT", "LATENCY"}}),
              HasSubstr("cannot be given together"));
  EXPECT_THAT(refusal("BATCH:CPU(4)", {{"AUTO_BATCH_TIMEOUT", "soon"}}), HasSubstr("AUTO_BATCH_TIMEOUT: milliseconds"));
  EXPECT_THAT(refusal("AUTO", {{"ENABLE_STARTUP_FALLBACK", "perhaps"}}), HasSubstr("YES or NO expected"));
  EXPECT_THAT(refusal("HETERO:GPU,CPU", {{"DEVICE_PROPERTIES", "{CPU:{NUM_STREAMS:2}}"}}),
              HasSubstr("HETERO:GPU,CPU is one model that one runtime divides"));
  EXPECT_THAT(refusal("MULTI:GPU.0,CPU", {{"DEVICE_PROPERTIES", "{GPU.1:{A:b}}"}}),
              HasSubstr("GPU.1 is not in target_device"));
  EXPECT_THAT(refusal("MULTI:GPU,CPU", {{"DEVICE_PROPERTIES", "{NPU:{A:b}}"}}),
              HasSubstr("NPU is not in target_device"));
  EXPECT_THAT(refusal("MULTI:GPU,CPU", {{"DEVICE_PROPERTIES", "{GPU:{A}}"}}), HasSubstr("position 8: ':' expected"));
  EXPECT_THAT(refusal("CPU", {{"RUNTIME", "TVM"}}),
              HasSubstr("RUNTIME: OPENVINO or ONNXRUNTIME expected, not \"TVM\""));
  EXPECT_THAT(refusal("GPU", {{"RUNTIME", "onnxruntime"}}),
              HasSubstr("RUNTIME=ONNXRUNTIME is for CPU, which target_device GPU leaves no choice of"));
  EXPECT_THAT(refusal("AUTO:GPU,CPU.OPENVINO", {{"RUNTIME", "ONNXRUNTIME"}}), HasSubstr("leaves no choice of"));
  EXPECT_THAT(refusal("AUTO:-CPU", {{"RUNTIME", "OPENVINO"}}), HasSubstr("AUTO:NVIDIA,GPU leaves no choice of"));
  EXPECT_EQ(refusal("AUTO", {{"RUNTIME", "OPENVINO"}}), "accepted");
  EXPECT_EQ(refusal("CPU.OPENVINO", {{"RUNTIME", "OPENVINO"}}), "accepted");
  EXPECT_THAT(refusal("CPU", {{"NUM_STREAMS", "2"}, {"PERFORMANCE_HINT", "LATENCY"}}),
              HasSubstr("cannot be given together"));
}

}  // namespace
}  // namespace ocelli::devices
