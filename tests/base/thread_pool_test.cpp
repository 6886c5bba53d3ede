#include "base/thread_pool.hpp"

#include <gtest/gtest.h>

#include <future>
#include <optional>
#include <thread>
#include <vector>

namespace ocelli {
namespace {

TEST(ThreadPool, StartsTasksInOrderAndRunsWhatIsQueuedBeforeItEnds) {
  std::vector<int> ran;
  {
    ThreadPool pool("test", 1, ThreadPool::kUnbounded);
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(pool.submit([&ran, i] { ran.push_back(i); }));
  }
  ASSERT_EQ(ran.size(), 100U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(ran[static_cast<std::size_t>(i)], i);
}

TEST(ThreadPool, RefusesMoreThanMayWait) {
  std::promise<void> begun;
  std::promise<void> go;
  ThreadPool pool("test", 1, 1);
  ASSERT_TRUE(pool.submit([&] {
    begun.set_value();
    go.get_future().wait();
  }));
  begun.get_future().wait();
  EXPECT_TRUE(pool.submit([] {}));
  EXPECT_FALSE(pool.submit([] {}));
  EXPECT_EQ(pool.queued(), 1U);
  go.set_value();
  EXPECT_TRUE(pool.idle_within(std::chrono::minutes(1)));
}

// Shows under the thread sanitizer: whoever waits for the task may destroy the pool while submit() has not returned.
TEST(ThreadPool, MayBeDestroyedAsSoonAsItsLastTaskRuns) {
  for (int round = 0; round < 200; ++round) {
    std::optional<ThreadPool> pool(std::in_place, "test", 1, ThreadPool::kUnbounded);
    std::promise<void> ran;
    std::jthread submitter([&] { EXPECT_TRUE(pool->submit([&] { ran.set_value(); })); });
    ran.get_future().wait();
    pool.reset();
  }
}

}  // namespace
}  // namespace ocelli
