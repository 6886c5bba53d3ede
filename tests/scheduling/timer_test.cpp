#include "scheduling/timer.hpp"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <vector>

namespace ocelli::scheduling {
namespace {

struct Client final : TimerClient {
  void on_timer(TimePoint now) noexcept override {
    const std::lock_guard lock(mutex);
    calls.push_back(now);
    changed.notify_all();
  }
  bool wait_for(std::size_t count) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(120), [&] { return calls.size() >= count; });
  }
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<TimePoint> calls;
};

TEST(Timer, WakesEachClientOnceAndNotBeforeItsTime) {
  Client first;
  Client second;
  Timer timer;  // goes first, also when the test ends early
  timer.add(first);
  timer.add(second);
  const auto now = Clock::now();
  timer.arm(first, now + std::chrono::hours(1));
  timer.arm(second, now + std::chrono::milliseconds(10));
  timer.arm(first, now + std::chrono::milliseconds(20));
  timer.arm(first, now + std::chrono::hours(1));
  ASSERT_TRUE(first.wait_for(1));
  ASSERT_TRUE(second.wait_for(1));
  EXPECT_GE(first.calls[0], now + std::chrono::milliseconds(20));
  EXPECT_GE(second.calls[0], now + std::chrono::milliseconds(10));
  timer.arm(second, Clock::now());
  ASSERT_TRUE(second.wait_for(2));
  timer.remove(first);
  timer.remove(second);
  EXPECT_EQ(first.calls.size(), 1u);
}

TEST(Timer, ARemovedClientIsNotCalled) {
  Client gone;
  Client witness;
  Timer timer;
  timer.add(gone);
  timer.add(witness);
  timer.arm(gone, Clock::now() + std::chrono::milliseconds(15));
  timer.arm(witness, Clock::now() + std::chrono::milliseconds(30));
  timer.remove(gone);
  const auto before = gone.calls.size();  // 0, unless this thread had to wait for a processor
  ASSERT_TRUE(witness.wait_for(1));
  EXPECT_EQ(gone.calls.size(), before);
  timer.remove(witness);
}

}  // namespace
}  // namespace ocelli::scheduling
