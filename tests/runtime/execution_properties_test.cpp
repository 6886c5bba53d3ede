#include "runtime/execution_properties.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ocelli {
namespace {

using ::testing::HasSubstr;
using Properties = std::map<std::string, std::string>;

TEST(ExecutionProperties, DefaultToLatency) {
  Properties properties{{"OTHER", "1"}};
  auto result = take_execution_properties(properties);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->hint, PerformanceHint::kLatency);
  EXPECT_FALSE(result->streams);
  EXPECT_EQ(properties, (Properties{{"OTHER", "1"}}));
}

TEST(ExecutionProperties, StreamsReplaceTheHint) {
  Properties properties{{"NUM_STREAMS", "3"}, {"INFERENCE_NUM_THREADS", "2"}, {"ENABLE_CPU_PINNING", "NO"}};
  auto result = take_execution_properties(properties);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->hint, PerformanceHint::kNone);
  EXPECT_EQ(result->streams, 3U);
  EXPECT_EQ(result->threads, 2U);
  EXPECT_EQ(result->pinning, false);
  EXPECT_TRUE(properties.empty());
}

TEST(ExecutionProperties, StreamsAndHintTogetherAreRefused) {
  Properties properties{{"NUM_STREAMS", "3"}, {"PERFORMANCE_HINT", "LATENCY"}};
  auto result = take_execution_properties(properties);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("NUM_STREAMS and PERFORMANCE_HINT"));
}

TEST(ExecutionProperties, WrongValuesAreNamed) {
  for (const auto& [key, value] : Properties{{"NUM_STREAMS", "0"},
                                             {"INFERENCE_NUM_THREADS", "two"},
                                             {"PERFORMANCE_HINT", "FAST"},
                                             {"ENABLE_CPU_PINNING", "maybe"}}) {
    Properties properties{{key, value}};
    auto result = take_execution_properties(properties);
    ASSERT_FALSE(result.ok()) << key;
    EXPECT_THAT(std::string(result.status().message()), ::testing::AllOf(HasSubstr(key), HasSubstr(value)));
  }
}

}  // namespace
}  // namespace ocelli
