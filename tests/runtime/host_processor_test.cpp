// What a processor is called, from texts as kernels write them.
#include "runtime/host_processor.hpp"

#include <gtest/gtest.h>

namespace ocelli {
namespace {

constexpr const char* kLittle = "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd05\nCPU revision\t: 0\n\n";
constexpr const char* kBig = "processor\t: 4\nCPU implementer\t: 0x41\nCPU part\t: 0xd0b\nCPU revision\t: 0\n\n";

TEST(ProcessorName, IsTheModelsWhereTheKernelKnowsIt) {
  EXPECT_EQ(processor_name("processor\t: 0\nmodel\t\t: 85\nmodel name\t: Intel(R)  Xeon(R) CPU \nflags\t: fpu\n", ""),
            "Intel(R) Xeon(R) CPU");
  EXPECT_EQ(processor_name("model name\t: AMD EPYC\n\nmodel name\t: AMD EPYC\n", "Board"), "AMD EPYC");
}

TEST(ProcessorName, IsTheBoardsWithItsCoresOnArm) {
  const auto cores = std::string(kLittle) + kLittle + kBig + kBig;
  EXPECT_EQ(processor_name(cores, std::string("Radxa ROCK 5B\0", 14)), "Radxa ROCK 5B (Cortex-A55, Cortex-A76)");
  EXPECT_EQ(processor_name(kBig, ""), "Cortex-A76");
  // A Raspberry Pi names its model there, after the cores.
  EXPECT_EQ(processor_name(std::string(kBig) + "Serial\t: 1\nModel\t\t: Raspberry Pi 5 Model B Rev 1.0\n", "other"),
            "Raspberry Pi 5 Model B Rev 1.0 (Cortex-A76)");
}

TEST(ProcessorName, OfAnUnknownCoreIsItsNumbers) {
  EXPECT_EQ(processor_name("CPU implementer\t: 0x41\nCPU part\t: 0xfff\n", ""), "ARM core 0x41:0xfff");
  EXPECT_EQ(processor_name("CPU implementer\t: 0x61\nCPU part\t: 0xd0b\n", ""), "ARM core 0x61:0xd0b");
}

TEST(ProcessorName, IsEmptyWhereNothingIsSaid) {
  EXPECT_EQ(processor_name("", ""), "");
  EXPECT_EQ(processor_name(std::string("\0\xff:::\nCPU part", 15), ""), "");
  EXPECT_FALSE(host_processor_name().empty());
}

}  // namespace
}  // namespace ocelli
