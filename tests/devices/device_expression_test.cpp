#include "devices/device_expression.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ocelli::devices {
namespace {

using ::testing::HasSubstr;

std::string canonical(const std::string& text, const std::vector<std::string>& simulated = {}) {
  const auto parsed = parse_target_device(text, simulated);
  return parsed.ok() ? parsed->to_string() : "ERROR " + std::string(parsed.status().message());
}

TEST(DeviceExpression, EveryNameOfTheGrammar) {
  for (const char* text : {"CPU",
                           "GPU",
                           "GPU.0",
                           "GPU.12",
                           "NPU",
                           "NVIDIA",
                           "NVIDIA.1",
                           "CUDA.0",
                           "TENSORRT",
                           "ARMNN",
                           "ARMNN.CpuRef",
                           "ARMNN.GpuAcc",
                           "MYRIAD",
                           "MYRIAD.1.2-ma2480",
                           "HDDL",
                           "AUTO",
                           "AUTO:GPU,CPU",
                           "MULTI:MYRIAD,CPU",
                           "MULTI:GPU.0(4),CPU(2)",
                           "HETERO:GPU,CPU",
                           "BATCH:GPU(16)",
                           "BATCH:CPU",
                           "AUTO:NVIDIA,GPU.1,NPU,CPU",
                           "AUTO:-GPU",
                           "AUTO:-GPU.1,-NPU,-CPU"}) {
    EXPECT_EQ(canonical(text), text);
  }
}

TEST(DeviceExpression, SpellingIsForgiving) {
  EXPECT_EQ(canonical("cpu"), "CPU");
  EXPECT_EQ(canonical(" multi: gpu.0 ( 4 ) , cpu "), "MULTI:GPU.0(4),CPU");
  EXPECT_EQ(canonical("armnn.cpuacc"), "ARMNN.CpuAcc");
  EXPECT_EQ(canonical("MALI"), "ARMNN.GpuAcc");
}

TEST(DeviceExpression, DevicesAreLeftOut) {
  EXPECT_EQ(canonical("auto: -gpu.0 , -Npu"), "AUTO:-GPU.0,-NPU");
  const auto parsed = parse_target_device("AUTO:-GPU.0,-stick", {"Stick"});
  ASSERT_TRUE(parsed.ok()) << parsed.status().to_string();
  EXPECT_EQ(parsed->kind, PlanKind::kAuto);
  EXPECT_TRUE(parsed->members.empty());
  ASSERT_EQ(parsed->left_out.size(), 2U);
  EXPECT_EQ(parsed->left_out[0], (DeviceName{DeviceKind::kGpu, "GPU", "0"}));
  EXPECT_EQ(parsed->left_out[1], (DeviceName{DeviceKind::kSimulated, "Stick", ""}));
}

TEST(DeviceExpression, PartsAreUnderstood) {
  const auto parsed = parse_target_device("HETERO:NVIDIA.1,CPU(3)");
  ASSERT_TRUE(parsed.ok()) << parsed.status().to_string();
  EXPECT_EQ(parsed->kind, PlanKind::kHetero);
  ASSERT_EQ(parsed->members.size(), 2U);
  EXPECT_EQ(parsed->members[0].device, (DeviceName{DeviceKind::kNvidia, "NVIDIA", "1"}));
  EXPECT_EQ(parsed->members[0].count, std::nullopt);
  EXPECT_EQ(parsed->members[1].count, 3U);
}

TEST(DeviceExpression, SimulatedNamesWinAndKeepTheirSpelling) {
  const auto parsed = parse_target_device("MULTI:myriad,Slow.1,CPU", {"MYRIAD", "Slow.1"});
  ASSERT_TRUE(parsed.ok()) << parsed.status().to_string();
  EXPECT_EQ(parsed->members[0].device.kind, DeviceKind::kSimulated);
  EXPECT_EQ(parsed->members[1].device, (DeviceName{DeviceKind::kSimulated, "Slow.1", ""}));
  EXPECT_EQ(parsed->members[2].device.kind, DeviceKind::kCpu);
}

struct Mistake {
  const char* text;
  int position;
  const char* what;
};

TEST(DeviceExpression, MistakesAreLocatedAndExplained) {
  const std::vector<Mistake> mistakes{
      {"", 1, "a device name is missing"},
      {"XPU", 1,
       "there is no device \"XPU\"; known are CPU, GPU, NPU, NVIDIA, CUDA, TENSORRT, ARMNN, MALI, MYRIAD, HDDL, "
       "LEGACY, "
       "AUTO, MULTI"},
      {"MULTI", 6, "':' and a list of devices expected after MULTI"},
      {"BATCH", 6, "':' and a device expected after BATCH"},
      {"AUTO:", 6, "a device name is missing"},
      {"MULTI:CPU,", 11, "a device name is missing"},
      {"MULTI:CPU,,GPU", 11, "a device name expected, not ','"},
      {"MULTI:CPU;GPU", 10, "unexpected ';'"},
      {"MULTI:GPU,CPU,GPU", 15, "GPU is named twice"},
      {"MULTI:GPU,CPU,GPU.0", 15, "GPU.0 is the same device as GPU"},
      {"AUTO:NVIDIA.0,NVIDIA", 15, "NVIDIA is the same device as NVIDIA.0"},
      {"HETERO:MALI,ARMNN.GpuAcc", 13, "ARMNN.GpuAcc is named twice"},
      {"GPU.x", 5, "GPU.n expected"},
      {"GPU.", 5, "something expected after \"GPU.\""},
      {"GPU.1234", 5, "GPU.n expected"},
      {"CPU.0", 5, "CPU.OPENVINO or CPU.ONNXRUNTIME expected, not \"0\""},
      {"ARMNN.Fast", 7, "ARMNN.CpuRef or ARMNN.CpuAcc or ARMNN.GpuAcc expected"},
      {"CPU(2)", 1, "(n) is for members of AUTO"},
      {"MULTI:CPU(0)", 11, "a number from 1 to 100000 expected"},
      {"MULTI:CPU(99999999999999999999)", 11, "a number from 1 to 100000 expected"},
      {"MULTI:CPU(2", 12, "')' expected"},
      {"MULTI:AUTO,CPU", 7, "AUTO cannot be a member"},
      {"BATCH:GPU,CPU", 10, "unexpected ','"},
      {"CPU GPU", 5, "unexpected 'G'"},
      {"AUTO:-", 7, "a device name is missing"},
      {"AUTO:-GPU,CPU", 11, "'-' expected: AUTO takes devices to use or devices to leave out, not both"},
      {"AUTO:GPU,-CPU", 10, "'-' is for devices to leave out of AUTO's own list, as AUTO:-GPU,-NPU"},
      {"MULTI:-GPU", 7, "'-' is for devices to leave out of AUTO's own list"},
      {"AUTO:-GPU,-gpu", 12, "GPU is named twice"},
      {"AUTO:-XPU", 7, "there is no device \"XPU\""},
      {"AUTO:-GPU(2)", 10, "unexpected '('"},
      {"AUTO:-CUDA.0", 7, "CUDA.0 cannot be left out by itself; list the devices to use"},
  };
  for (const auto& mistake : mistakes) {
    const auto parsed = parse_target_device(mistake.text);
    ASSERT_FALSE(parsed.ok()) << mistake.text;
    EXPECT_EQ(parsed.status().code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(parsed.status().message()),
                HasSubstr("position " + std::to_string(mistake.position) + ": " + mistake.what));
  }
}

TEST(DeviceExpression, HasLimits) {
  EXPECT_THAT(canonical(std::string(100'000, 'A')), HasSubstr("more than 1024 characters"));
  std::string many = "MULTI:GPU.0";
  for (int i = 1; i <= 32; ++i) many += ",GPU." + std::to_string(i);
  EXPECT_THAT(canonical(many), HasSubstr("more than 32 devices"));
}

}  // namespace
}  // namespace ocelli::devices
