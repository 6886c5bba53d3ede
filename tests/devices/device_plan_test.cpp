#include "devices/device_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

TEST(DevicePlan, IntelExpressionsGoToOpenvinoAsWritten) {
  for (const char* text :
       {"GPU", "GPU.1", "NPU", "MULTI:GPU,CPU", "MULTI:GPU.0(4),CPU(2)", "HETERO:GPU,CPU", "BATCH:GPU(16)"}) {
    const auto plan = plan_of(text);
    ASSERT_EQ(plan.members.size(), 1U) << text;
    EXPECT_EQ(plan.use, Use::kAll);
    EXPECT_THAT(plan.members[0].placements, ElementsAre(Placement{"openvino", text}));
  }
}

TEST(DevicePlan, AutoGoesOnToTheNextDevice) {
  const auto plan = plan_of("AUTO:GPU,CPU");
  EXPECT_EQ(plan.use, Use::kFirst);
  ASSERT_EQ(plan.members.size(), 4U);
  EXPECT_THAT(plan.members[0].placements, ElementsAre(Placement{"openvino", "AUTO:GPU,CPU"}));
  EXPECT_THAT(plan.members[1].placements, ElementsAre(Placement{"openvino", "GPU"}));
  EXPECT_THAT(plan.members[2].placements, ElementsAre(Placement{"openvino", "CPU"}));
  EXPECT_THAT(plan.members[3].placements, ElementsAre(Placement{"onnxruntime", "CPU"}));
  // GPU alone inside AUTO: the CPU was not allowed, so it is not taken.
  EXPECT_EQ(plan_of("AUTO:GPU").members.size(), 2U);
  EXPECT_THAT(plan_of("AUTO").members[0].placements, ElementsAre(Placement{"openvino", "AUTO"}));
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
  EXPECT_EQ(plan_of("AUTO:NVIDIA,CPU", {{"PERFORMANCE_HINT", "CUMULATIVE_THROUGHPUT"}}).use, Use::kAll);
}

TEST(DevicePlan, BatchOverOtherRuntimesIsOurs) {
  const auto plan = plan_of("BATCH:NVIDIA(16)");
  EXPECT_EQ(plan.batch, 16U);
  EXPECT_EQ(plan.members[0].requests, std::nullopt);
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
  EXPECT_THAT(refusal("HETERO:NVIDIA,CPU"), HasSubstr("UNIMPLEMENTED"));
  EXPECT_THAT(refusal("CPU", {{"RUNTIME", "TVM"}}),
              HasSubstr("RUNTIME: OPENVINO or ONNXRUNTIME expected, not \"TVM\""));
  EXPECT_THAT(refusal("CPU", {{"NUM_STREAMS", "2"}, {"PERFORMANCE_HINT", "LATENCY"}}),
              HasSubstr("cannot be given together"));
}

}  // namespace
}  // namespace ocelli::devices
