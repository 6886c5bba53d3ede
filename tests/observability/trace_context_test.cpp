#include "observability/trace_context.hpp"

#include <gtest/gtest.h>

namespace ocelli::observability {
namespace {

constexpr std::string_view kExample =
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";  // of the standard itself

TEST(TraceContext, ReadsTheStandardsExample) {
  const auto context = TraceContext::parse(kExample);
  ASSERT_TRUE(context);
  EXPECT_EQ(context->trace(), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(context->parent(), "00f067aa0ba902b7");
}

TEST(TraceContext, LaterVersionsMayCarryMore) {
  EXPECT_TRUE(TraceContext::parse("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-adds"));
  EXPECT_FALSE(TraceContext::parse("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what-the-future-adds"));
}

TEST(TraceContext, RefusesWhatTheStandardRefuses) {
  for (const auto* bad : {"", "00", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                          "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                          "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                          "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                          "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
                          "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
                          "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}) {
    EXPECT_FALSE(TraceContext::parse(bad)) << bad;
  }
}

TEST(TraceContext, GeneratedIdsAreValidAndDiffer) {
  const auto one = TraceContext::generate();
  const auto two = TraceContext::generate();
  EXPECT_NE(one.trace(), two.trace());
  EXPECT_EQ(one.parent(), "") << "nobody called";
  const auto header = "00-" + std::string(one.trace()) + "-00f067aa0ba902b7-00";
  EXPECT_TRUE(TraceContext::parse(header)) << header;
}

}  // namespace
}  // namespace ocelli::observability
