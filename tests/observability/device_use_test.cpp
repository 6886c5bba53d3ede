#include "observability/device_use.hpp"

#include <gtest/gtest.h>

namespace ocelli::observability {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const TimePoint kStart = TimePoint(seconds(1'000));

TEST(DeviceUse, IsTheShareOfTimeInWhichSomethingRan) {
  DeviceUse use;
  EXPECT_EQ(use.share(kStart), 0);
  for (int i = 0; i < 10; ++i) {
    use.begin(kStart + seconds(i));
    use.end(kStart + seconds(i) + milliseconds(250));
  }
  EXPECT_NEAR(use.share(kStart + seconds(10)), 0.25, 1e-9);
}

TEST(DeviceUse, OneShortRunAfterTheStartIsNotMuch) {
  DeviceUse use;
  use.begin(kStart);
  use.end(kStart + milliseconds(1));
  EXPECT_LT(use.share(kStart + milliseconds(2)), 0.001);
}

TEST(DeviceUse, OverlappingRunsCountOnce) {
  DeviceUse use;
  use.begin(kStart);
  use.begin(kStart + milliseconds(500));
  use.end(kStart + seconds(1));
  use.end(kStart + seconds(2));
  EXPECT_NEAR(use.share(kStart + seconds(5)), 0.4, 1e-9);
}

TEST(DeviceUse, ARunThatIsStillUnderWayCounts) {
  DeviceUse use;
  use.begin(kStart);
  EXPECT_NEAR(use.share(kStart + seconds(60)), 1, 1e-9);
  use.end(kStart + seconds(60));
  EXPECT_NEAR(use.share(kStart + seconds(60)), 1, 1e-9);
}

TEST(DeviceUse, ForgetsWhatIsLongerAgoThanItsWindow) {
  DeviceUse use;
  use.begin(kStart);
  use.end(kStart + seconds(3));
  EXPECT_GT(use.share(kStart + seconds(4)), 0.5);
  EXPECT_EQ(use.share(kStart + seconds(9)), 0);
}

}  // namespace
}  // namespace ocelli::observability
