// Measuring a device whose runs end where they begin.
#include <gtest/gtest.h>

#include <chrono>

#include "scheduling/device_speed.hpp"
#include "support/fake_model.hpp"

namespace ocelli::scheduling {
namespace {

// Each run would else begin the next one below it on the stack, until there is no more of it.
TEST(ClosedLoop, RunsThatEndBelowTheirStartDoNotNest) {
  test::FakeModel model(test::add_signature(PartialShape::from({1, 2})), test::add_kernel(1.0F));
  model.synchronous = true;
  const auto speed = measure_speed(model, 2, std::chrono::milliseconds(500));
  ASSERT_TRUE(speed);
  EXPECT_GT(speed->runs_per_second, 1000);
  EXPECT_GT(speed->latency, Duration::zero());
}

}  // namespace
}  // namespace ocelli::scheduling
