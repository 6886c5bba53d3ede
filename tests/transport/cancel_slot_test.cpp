#include "transport/cancel_slot.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <thread>

#include "base/clock.hpp"

namespace ocelli::transport {
namespace {

struct CountingListener final : CancelListener {
  void on_client_gone() noexcept override { ++calls; }
  int calls = 0;
};

TEST(CancelSlot, TellsARegisteredListenerOnce) {
  CancelSlot slot;
  CountingListener listener;
  slot.set(&listener);
  EXPECT_EQ(listener.calls, 0);
  slot.fire();
  slot.fire();
  EXPECT_EQ(listener.calls, 1);
  EXPECT_TRUE(slot.gone());
}

TEST(CancelSlot, TellsALateListenerAtOnce) {
  CancelSlot slot;
  CountingListener listener;
  slot.fire();
  slot.set(&listener);
  EXPECT_EQ(listener.calls, 1);
}

TEST(CancelSlot, TellsNobodyAfterCloseOrUnset) {
  CancelSlot slot;
  CountingListener listener;
  slot.set(&listener);
  slot.close();
  slot.fire();
  slot.reset();
  slot.set(&listener);
  slot.set(nullptr);
  slot.fire();
  EXPECT_EQ(listener.calls, 0);
}

TEST(CancelSlot, TheListenerMayEndTheExchangeItself) {
  struct Ender final : CancelListener {
    void on_client_gone() noexcept override { slot->close(); }
    CancelSlot* slot = nullptr;
  } ender;
  CancelSlot slot;
  ender.slot = &slot;
  slot.set(&ender);
  slot.fire();  // must not wait for itself
}

// The listener dies right after close(): a call after that is a use after free, which the sanitizers see, and a changed
// count, which all see.
TEST(CancelSlot, FireAndCloseExcludeEachOtherAcrossThreads) {
  // Each round needs both threads, so on a busy machine there are fewer of them.
  constexpr int kMaxRounds = 20000;
  const auto until = Clock::now() + std::chrono::seconds(1);
  std::atomic<bool> over{false};
  CancelSlot slot;
  std::unique_ptr<CountingListener> listener;
  std::barrier sync(2);
  std::jthread connection([&] {
    while (true) {
      sync.arrive_and_wait();
      if (over) return;
      slot.fire();
      sync.arrive_and_wait();
    }
  });
  for (int i = 0; i < kMaxRounds && Clock::now() < until; ++i) {
    slot.reset();
    listener = std::make_unique<CountingListener>();
    slot.set(listener.get());
    sync.arrive_and_wait();
    slot.close();
    EXPECT_LE(listener->calls, 1);
    listener.reset();
    sync.arrive_and_wait();
  }
  over = true;
  sync.arrive_and_wait();
}

}  // namespace
}  // namespace ocelli::transport
