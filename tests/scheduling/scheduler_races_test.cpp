// Runs on the submitter's thread, runs that end within start, and everything at once.
#include <random>

#include "scheduling/scheduler_fixture.hpp"

namespace ocelli::scheduling {
namespace {

TEST_F(SchedulerTest, FastModelsRunOnTheSubmittersThreadWithoutDeepStacks) {
  SchedulerOptions options;
  options.inline_below = milliseconds(100);
  scheduler = std::make_unique<Scheduler>(options, timer, pool, metrics, Log());
  model = add(PartialShape::from({1, 1}), 2);
  scheduler->submit(item(1));  // shows that the model is fast
  ASSERT_TRUE(told.wait_for(1));
  model->wait_until_told();  // its lane does not run below its own completion
  chain.scheduler = scheduler.get();
  auto& again = item(1);
  again.work.completion = &chain;
  scheduler->submit(again);
  ASSERT_TRUE(chain.wait());
  EXPECT_GT(model->runs() - model->started(), 1000) << "runs on the submitting thread are not started";
}

// A runtime that ends runs within start() must not make completions nest.
TEST_F(SchedulerTest, RuntimesThatEndRunsWithinStartDoNotNest) {
  open({}, PartialShape::from({1, 1}), 2);
  model->synchronous = true;
  chain.scheduler = scheduler.get();
  auto& again = item(1);
  again.work.completion = &chain;
  scheduler->submit(again);
  EXPECT_TRUE(chain.done) << "everything happened within submit()";
  EXPECT_EQ(model->runs(), 100'000);
  std::vector<std::thread> threads;
  many.resize(4000);
  for (auto& each : many) {
    each.work.inputs = again.work.inputs;
    each.work.outputs.resize(1);
    each.work.completion = &told;
  }
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = t; i < many.size(); i += 4) scheduler->submit(many[i]);
    });
  }
  for (auto& thread : threads) thread.join();
  ASSERT_TRUE(told.wait_for(many.size()));
  EXPECT_TRUE(scheduler->drain(kPatience));
  EXPECT_EQ(told.order().size(), many.size());
}

// Many threads submit, cancel and let deadlines pass; every item must be told exactly once.
TEST_F(SchedulerTest, EveryItemIsToldExactlyOnceUnderAllRaces) {
  // Items outlive the scheduler here, so cancelling one that was told already is harmless.
  struct Racer final : WorkCompletion {
    void on_work_done(WorkItem&) noexcept override { times.fetch_add(1); }
    std::atomic<int> times{0};
    WorkItem work;
    float input = 1;
  };
  SchedulerOptions options;
  options.queue_limit = 64;
  open(options, PartialShape::from({1, 1}), 2);
  add(PartialShape::from({1, 1}), 2);
  constexpr int kThreads = 4;
  constexpr int kItems = 1500;
  std::vector<std::deque<Racer>> racers(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(static_cast<unsigned>(t));
      for (int i = 0; i < kItems; ++i) {
        auto& racer = racers[static_cast<std::size_t>(t)].emplace_back();
        racer.work.work.inputs.push_back(
            {DataType::kFp32, {1, 1}, reinterpret_cast<std::byte*>(&racer.input), sizeof(float)});
        racer.work.work.outputs.resize(1);
        racer.work.work.completion = &racer;
        racer.work.priority = static_cast<std::int32_t>(random() % 3);
        if (random() % 3 == 0) racer.work.deadline = Clock::now() + std::chrono::microseconds(random() % 2000);
        scheduler->submit(racer.work);
        auto& other = racers[static_cast<std::size_t>(t)][random() % racers[static_cast<std::size_t>(t)].size()];
        if (random() % 2 == 0) scheduler->cancel(other.work);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(scheduler->drain(kPatience));
  scheduler.reset();
  int answered = 0;
  for (auto& group : racers) {
    for (auto& racer : group) {
      EXPECT_EQ(racer.times.load(), 1);
      answered += racer.work.status.ok() ? 1 : 0;
    }
  }
  EXPECT_GT(answered, 0);
  EXPECT_EQ(metrics.infer_req_active.load(), 0);
  EXPECT_EQ(metrics.queued_requests.load(), 0);
}

// One thread submits, another cancels the same item at any moment of its life.
TEST_F(SchedulerTest, CancelRacesWithEveryStageOfARun) {
  open({}, PartialShape::from({1, 1}), 1);
  auto& target = item(1);
  target.work.completion = &counter;
  int cancelled = 0;
  constexpr int kRounds = 3000;
  for (int round = 0; round < kRounds; ++round) {
    target.cancelled.store(false);
    scheduler->submit(target);
    // The item lives on after its telling here, so a late cancel() is harmless: it finds an idle item.
    scheduler->cancel(target);
    ASSERT_TRUE(counter.wait_for(round + 1));
    cancelled += target.status.code() == StatusCode::kCancelled ? 1 : 0;
  }
  EXPECT_TRUE(scheduler->drain(kPatience));
  EXPECT_EQ(counter.count, kRounds);
  SUCCEED() << cancelled << " of " << kRounds << " were stopped";
}

}  // namespace
}  // namespace ocelli::scheduling
