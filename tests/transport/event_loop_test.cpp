#include "transport/event_loop.hpp"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <latch>
#include <random>
#include <thread>

#include "transport/io_threads.hpp"

namespace ocelli::transport {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<EventLoop> make_loop() {
  auto loop = EventLoop::create();
  EXPECT_TRUE(loop.ok());
  return std::move(*loop);
}

struct Recorder {
  std::vector<int>* order;
  int id;
  static void run(void* self) noexcept {
    auto* recorder = static_cast<Recorder*>(self);
    recorder->order->push_back(recorder->id);
  }
};

TEST(EventLoop, RunsTasksInTheOrderOfTheirSubmission) {
  auto loop = make_loop();
  std::vector<int> order;
  std::array<Recorder, 3> recorders{{{&order, 1}, {&order, 2}, {&order, 3}}};
  EventLoop::Task a(&Recorder::run, &recorders[0]);
  EventLoop::Task b(&Recorder::run, &recorders[1]);
  EventLoop::Task c(&Recorder::run, &recorders[2]);
  loop->submit(a);
  loop->submit(b);
  loop->submit(c);
  loop->run_once(Duration::max());
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST(EventLoop, WakesASleepingLoopFromManyThreads) {
  auto threads = IoThreads::start(1);
  ASSERT_TRUE(threads.ok());
  std::atomic<int> ran{0};
  struct Ping {
    explicit Ping(std::atomic<int>& count) : ran(count) {}
    void hit() noexcept {
      ran.fetch_add(1);
      pending.store(false);
      pending.notify_one();
    }
    std::atomic<int>& ran;
    std::atomic<bool> pending{false};
    EventLoop::Task task{&call_member<Ping, &Ping::hit>, this};
  };
  constexpr int kThreads = 3;
  constexpr int kRounds = 3000;
  {
    std::vector<std::jthread> submitters;
    for (int i = 0; i < kThreads; ++i) {
      submitters.emplace_back([&] {
        Ping ping(ran);
        for (int round = 0; round < kRounds; ++round) {
          ping.pending.store(true);
          (*threads)->loop(0).submit(ping.task);
          ping.pending.wait(true);  // a lost wake-up hangs here and fails by the test's time limit
        }
      });
    }
  }
  EXPECT_EQ(ran.load(), kThreads * kRounds);
}

// The submitter may still be on its way out of submit() when its task has run and the loop goes; the sanitizers see it.
TEST(EventLoop, MayGoAsSoonAsItsLastTaskHasRun) {
  for (int round = 0; round < 200; ++round) {
    auto threads = IoThreads::start(1);
    ASSERT_TRUE(threads.ok());
    std::latch ran(1);
    EventLoop::Task task([](void* latch) noexcept { static_cast<std::latch*>(latch)->count_down(); }, &ran);
    std::jthread submitter([&loop = (*threads)->loop(0), &task] { loop.submit(task); });
    ran.wait();
    threads->reset();
  }
}

TEST(EventLoop, TimersFireInOrderAndNeverEarly) {
  auto loop = make_loop();
  struct Entry {
    explicit Entry(EventLoop& on) : timer(on, &call_member<Entry, &Entry::fire>, this) {}
    void fire() noexcept { fired = Clock::now(); }
    TimePoint due{};
    TimePoint fired{};
    EventLoop::Timer timer;
  };
  std::vector<std::unique_ptr<Entry>> entries;
  std::mt19937 random(7);
  const auto start = Clock::now();
  for (int i = 0; i < 200; ++i) {
    entries.push_back(std::make_unique<Entry>(*loop));
    entries.back()->due = start + std::chrono::milliseconds(random() % 50);
    entries.back()->timer.arm(start + std::chrono::milliseconds(random() % 50));
    entries.back()->timer.arm(entries.back()->due);  // moved earlier or later
  }
  for (std::size_t i = 0; i < entries.size(); i += 10) entries[i]->timer.disarm();
  for (std::size_t i = 5; i < entries.size(); i += 10) entries[i].reset();
  const auto limit = start + 5s;
  const auto all_fired = [&] {
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (i % 5 != 0 && entries[i]->fired == TimePoint{}) return false;
    }
    return true;
  };
  while (!all_fired() && Clock::now() < limit) loop->run_once(1s);
  ASSERT_TRUE(all_fired());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (i % 10 == 5) continue;
    if (i % 10 == 0)
      EXPECT_EQ(entries[i]->fired, TimePoint{}) << "disarmed";
    else
      EXPECT_GE(entries[i]->fired, entries[i]->due);
  }
}

TEST(EventLoop, AnUnwatchedWatcherIsNotCalledForEventsAlreadyFetched) {
  auto loop = make_loop();
  std::array<std::array<int, 2>, 2> pairs{};
  for (auto& pair : pairs) ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair.data()), 0);
  struct Rival final : EventLoop::Watcher {
    void on_ready(std::uint32_t events) noexcept override {
      if (!(events & EPOLLIN)) return;
      ++calls;
      loop->unwatch(other_fd, *other);
    }
    EventLoop* loop = nullptr;
    Rival* other = nullptr;
    int other_fd = -1;
    int calls = 0;
  } first, second;
  first.loop = second.loop = loop.get();
  first.other = &second;
  second.other = &first;
  first.other_fd = pairs[1][0];
  second.other_fd = pairs[0][0];
  ASSERT_TRUE(loop->watch(pairs[0][0], first).ok());
  ASSERT_TRUE(loop->watch(pairs[1][0], second).ok());
  loop->run_once(0ms);  // both are writable from the start
  for (auto& pair : pairs) ASSERT_EQ(::write(pair[1], "x", 1), 1);
  loop->run_once(1s);
  EXPECT_EQ(first.calls + second.calls, 1);
  for (auto& pair : pairs) {
    ::close(pair[0]);
    ::close(pair[1]);
  }
}

TEST(IoThreads, RunSyncRunsOnTheLoopsThread) {
  auto threads = IoThreads::start(2);
  ASSERT_TRUE(threads.ok());
  std::thread::id first;
  std::thread::id second;
  (*threads)->loop(0).run_sync([&] { first = std::this_thread::get_id(); });
  (*threads)->loop(1).run_sync([&] { second = std::this_thread::get_id(); });
  EXPECT_NE(first, second);
  EXPECT_NE(first, std::this_thread::get_id());
}

TEST(IoThreads, ChoosesTheLoopWithFewestConnections) {
  auto threads = IoThreads::start(2);
  ASSERT_TRUE(threads.ok());
  std::vector<LoadShare> shares;
  for (int i = 0; i < 10; ++i) shares.emplace_back((*threads)->least_loaded());
  EXPECT_EQ((*threads)->loop(0).load(), 5);
  EXPECT_EQ((*threads)->loop(1).load(), 5);
  shares.clear();
  EXPECT_EQ((*threads)->loop(0).load(), 0);
}

}  // namespace
}  // namespace ocelli::transport
