#include "devices/device_memory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "devices/device_plan.hpp"

namespace ocelli::devices {
namespace {

using ::testing::HasSubstr;
using Limits = std::map<std::string, std::uint64_t>;

Limits limits(const std::string& text) {
  const auto parsed = parse_device_memory(text, {"SIM.0"});
  EXPECT_TRUE(parsed.ok()) << parsed.status().to_string();
  return parsed.ok() ? *parsed : Limits();
}

std::string mistake(const std::string& text) {
  const auto parsed = parse_device_memory(text, {"SIM.0"});
  EXPECT_EQ(parsed.status().code(), StatusCode::kInvalidArgument) << text;
  return std::string(parsed.status().message());
}

TEST(DeviceMemory, SizesAndUnits) {
  EXPECT_EQ(limits(""), Limits());
  EXPECT_EQ(limits("CPU=24MB,NVIDIA.0=6GB"), (Limits{{"CPU", 24'000'000}, {"NVIDIA.0", 6'000'000'000}}));
  EXPECT_EQ(limits("cpu = 1.5 GiB , sim.0=512b"), (Limits{{"CPU", 1'610'612'736}, {"SIM.0", 512}}));
  EXPECT_EQ(limits("GPU=2KB,GPU.1=2KiB,NPU=1TB,HDDL=1tib"),
            (Limits{{"GPU.0", 2000}, {"GPU.1", 2048}, {"NPU.0", 1'000'000'000'000}, {"HDDL", 1'099'511'627'776}}));
}

TEST(DeviceMemory, MistakesAreToldWithTheirPosition) {
  EXPECT_THAT(mistake("CPU=1GB,GPX=2GB"),
              HasSubstr("device_memory \"CPU=1GB,GPX=2GB\", position 9: there is no device \"GPX\""));
  EXPECT_THAT(mistake("CPU=1GB,GPU=1GB,cpu=2GB"), HasSubstr("position 17: CPU is named twice"));
  EXPECT_THAT(mistake("NVIDIA=1GB,CUDA.0=2GB"),
              HasSubstr("position 12: CUDA.0 is the memory of NVIDIA.0, which is named twice"));
  EXPECT_THAT(mistake("CPU=0MB"), HasSubstr("position 5: a size above zero"));
  EXPECT_THAT(mistake("CPU=0.4B"), HasSubstr("position 5: a size above zero"));
  EXPECT_THAT(mistake("CPU=much"), HasSubstr("position 5: a size such as 6GB expected"));
  EXPECT_THAT(mistake("CPU=-1GB"), HasSubstr("position 5: a size such as 6GB expected"));
  EXPECT_THAT(mistake("CPU=1.GB"), HasSubstr("position 5: a size such as 6GB expected"));
  EXPECT_THAT(mistake("CPU=24"), HasSubstr("position 7: B, KB, MB"));
  EXPECT_THAT(mistake("CPU=24 parsecs"), HasSubstr("position 8: B, KB, MB"));
  EXPECT_THAT(mistake("CPU"), HasSubstr("position 4: '=' and a size expected after CPU"));
  EXPECT_THAT(mistake("CPU=1GB,"), HasSubstr("position 9: a device name is missing"));
  EXPECT_THAT(mistake("CPU=1GB;GPU=1GB"), HasSubstr("position 8: ',' expected, not ';'"));
  EXPECT_THAT(mistake("CPU=99999999TB"), HasSubstr("position 5: the size is too large"));
  EXPECT_THAT(mistake("AUTO=1GB"), HasSubstr("position 1: AUTO cannot be a member"));
  EXPECT_THAT(mistake("GPU(2)=1GB"), HasSubstr("position 1: (n) has no meaning here"));
}

TEST(DeviceMemory, MembersOfAPlanSayWhoseMemoryTheyTake) {
  const auto memories = [](const char* target) {
    std::string text;
    const auto plan = make_plan(target, {}, {"SIM.0"});
    EXPECT_TRUE(plan.ok()) << target;
    for (const auto& member : plan->members) text += member.memory + " ";
    return text;
  };
  EXPECT_EQ(memories("MULTI:CPU.OPENVINO,CPU.ONNXRUNTIME"), "CPU CPU ");
  EXPECT_EQ(memories("AUTO"), "NVIDIA.0 GPU.0 CPU ");
  EXPECT_EQ(memories("MULTI:CUDA.1,TENSORRT.0,SIM.0"), "NVIDIA.1 NVIDIA.0 SIM.0 ");
  EXPECT_EQ(memories("HETERO:GPU.1,CPU"), "GPU.1 ");
  EXPECT_EQ(memories("MULTI:ARMNN.CpuAcc,MALI,LEGACY.CPU,MYRIAD"), "CPU ARMNN.GpuAcc CPU MYRIAD ");
}

}  // namespace
}  // namespace ocelli::devices
