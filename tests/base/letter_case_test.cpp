#include "base/letter_case.hpp"

#include <gtest/gtest.h>

namespace ocelli {
namespace {

TEST(LetterCase, ChangesAsciiLettersOnly) {
  EXPECT_EQ(upper("Cpu.openVino_1 \xC3\xA9"), "CPU.OPENVINO_1 \xC3\xA9");
  EXPECT_EQ(lower("FP32@[`{Z"), "fp32@[`{z");
  EXPECT_EQ(upper(""), "");
}

TEST(LetterCase, ComparesWithoutIt) {
  EXPECT_TRUE(same_letters("NcHw", "nChW"));
  EXPECT_FALSE(same_letters("NCHW", "NCH"));
  EXPECT_FALSE(same_letters("@", "`")) << "no letters, though 32 apart";
}

}  // namespace
}  // namespace ocelli
