#include "base/change_notifier.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace ocelli {
namespace {

TEST(ChangeNotifier, TellsEverybodyWhoIsSubscribed) {
  ChangeNotifier changes;
  changes.notify();
  int first = 0;
  int second = 0;
  auto one = changes.subscribe([&] { ++first; });
  {
    const auto two = changes.subscribe([&] { ++second; });
    changes.notify();
  }
  changes.notify();
  EXPECT_EQ(first, 2);
  EXPECT_EQ(second, 1);
  one = {};
  changes.notify();
  EXPECT_EQ(first, 2);
}

TEST(ChangeNotifier, ASubscriptionMovesAndMayOutliveTheNotifier) {
  int told = 0;
  auto changes = std::make_unique<ChangeNotifier>();
  std::optional<ChangeNotifier::Subscription> kept;
  {
    auto made = changes->subscribe([&] { ++told; });
    kept = std::move(made);
  }
  changes->notify();
  EXPECT_EQ(told, 1);
  changes.reset();
  kept.reset();
}

TEST(ChangeNotifier, NoCallbackRunsAfterTheSubscriptionHasEnded) {
  ChangeNotifier changes;
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i)
    threads.emplace_back([&] {
      while (!stop) changes.notify();
    });
  for (int round = 0; round < 500; ++round) {
    std::atomic<bool> over{false};
    std::atomic<bool> late{false};
    {
      const auto subscription = changes.subscribe([&] { late = late || over; });
    }
    over = true;
    EXPECT_FALSE(late);
  }
  stop = true;
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace ocelli
