#include "scheduling/scheduler.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <random>
#include <vector>

#include "support/fake_model.hpp"

namespace ocelli::scheduling {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// For what is bound to happen, however busy the machine is.
constexpr auto kPatience = seconds(120);

// Remembers in which order items were told, and counts how often each was.
class Told final : public WorkCompletion {
 public:
  void on_work_done(WorkItem& item) noexcept override {
    const std::lock_guard lock(mutex_);
    order_.push_back(&item);
    changed_.notify_all();
  }
  [[nodiscard]] bool wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return order_.size() >= count; });
  }
  [[nodiscard]] std::vector<WorkItem*> order() const {
    const std::lock_guard lock(mutex_);
    return order_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<WorkItem*> order_;
};

// Remembers which devices went out.
struct Watch final : DeviceWatch {
  void on_device_out(std::size_t position, const Status&) noexcept override {
    const std::lock_guard lock(mutex);
    out.push_back(position);
  }
  void on_device_limited(std::size_t, std::uint32_t, const Status&) noexcept override {}
  void on_device_unbatched(std::size_t) noexcept override {}
  std::mutex mutex;
  std::vector<std::size_t> out;
};

// Submits itself again from its completion, and gives up when the test does.
struct Chain final : WorkCompletion {
  void on_work_done(WorkItem& item) noexcept override {
    if (--left > 0 && !given_up) return scheduler->submit(item);
    const std::lock_guard lock(mutex);
    done = true;
    changed.notify_all();
  }
  [[nodiscard]] bool wait() {
    std::unique_lock lock(mutex);
    const bool ended = changed.wait_for(lock, kPatience, [this] { return done; });
    given_up = true;
    return ended;
  }
  Scheduler* scheduler = nullptr;
  int left = 100'000;
  std::atomic<bool> given_up{false};
  bool done = false;
  std::mutex mutex;
  std::condition_variable changed;
};

// Counts how often an item was told.
struct Counter final : WorkCompletion {
  void on_work_done(WorkItem&) noexcept override {
    const std::lock_guard lock(mutex);
    ++count;
    changed.notify_all();
  }
  [[nodiscard]] bool wait_for(int times) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, kPatience, [&] { return count >= times; });
  }
  int count = 0;
  std::mutex mutex;
  std::condition_variable changed;
};

// Everything that a run or a completion touches belongs to the fixture and goes after the scheduler, which waits for
// both: a test that ends early must not take it away from under them.
struct SchedulerTest : testing::Test {
  void open(SchedulerOptions options = {}, const PartialShape& shape = PartialShape::from({1, 1}),
            std::uint32_t lanes = 1) {
    options.name = "dummy";
    options.inline_below = Duration::zero();
    scheduler = std::make_unique<Scheduler>(options, timer, pool, metrics, Log());
    model = add(shape, lanes);
  }
  std::shared_ptr<test::FakeModel> add(const PartialShape& shape, std::uint32_t lanes = 1) {
    auto added = std::make_shared<test::FakeModel>(test::add_signature(shape), test::add_kernel(1.0F), lanes);
    ExecutorSpec spec;
    spec.model = added;
    spec.lanes = lanes;
    EXPECT_TRUE(scheduler->add(std::move(spec)).ok());
    added->reset_counts();
    return added;
  }
  WorkItem& item(float value, std::int32_t priority = 0, TimePoint deadline = kNever) {
    auto& values = inputs.emplace_back(1, value);
    auto& made = items.emplace_back();
    made.work.inputs.push_back({DataType::kFp32, {1, 1}, reinterpret_cast<std::byte*>(values.data()), sizeof(float)});
    made.work.outputs.resize(1);
    made.work.completion = &told;
    made.priority = priority;
    made.deadline = deadline;
    return made;
  }
  static float result(const WorkItem& done) {
    return *reinterpret_cast<const float*>(done.work.outputs[0].result.view.data);
  }

  BufferPool pool;
  Timer timer;
  observability::ServableMetrics metrics;
  Told told;
  Watch watch;
  Chain chain;
  Counter counter;
  std::atomic<bool> broken{false};
  std::deque<WorkItem> many;
  std::deque<std::vector<float>> inputs;
  std::deque<WorkItem> items;
  std::shared_ptr<test::FakeModel> model;
  std::unique_ptr<Scheduler> scheduler;
};

TEST_F(SchedulerTest, HigherPriorityFirstAndFirstComeFirstServedInside) {
  open();
  model->hold();
  auto& running = item(0);
  scheduler->submit(running);
  auto& a = item(1, 0);
  auto& b = item(2, 5);
  auto& c = item(3, 0);
  auto& d = item(4, 5);
  auto& e = item(5, -1);
  auto& f = item(6, 2);
  for (auto* each : {&a, &b, &c, &d, &e, &f}) scheduler->submit(*each);
  EXPECT_EQ(metrics.queued_requests.load(), 6);
  model->release();
  ASSERT_TRUE(told.wait_for(7));
  EXPECT_EQ(told.order(), (std::vector<WorkItem*>{&running, &b, &d, &f, &a, &c, &e}));
  EXPECT_EQ(result(f), 7.0F);
  EXPECT_EQ(metrics.queued_requests.load(), 0);
}

TEST_F(SchedulerTest, TheQueueIsBounded) {
  SchedulerOptions options;
  options.queue_limit = 2;
  open(options);
  model->hold();
  for (int i = 0; i < 3; ++i) scheduler->submit(item(1));  // one runs, two wait
  auto& refused = item(1);
  scheduler->submit(refused);
  ASSERT_TRUE(told.wait_for(1));
  EXPECT_EQ(told.order(), std::vector<WorkItem*>{&refused});
  EXPECT_EQ(refused.status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(refused.status.message(), "Too many requests are waiting for model dummy - limit: 2");
  model->release();
  ASSERT_TRUE(told.wait_for(4));
}

TEST_F(SchedulerTest, AWaitingItemExpiresWithoutRunning) {
  open();
  model->hold();
  auto& running = item(1);
  scheduler->submit(running);
  model->wait_for_started(1);
  const auto begun = Clock::now();
  auto& late = item(1, 0, begun + milliseconds(30));
  auto& patient = item(1, 0, begun + seconds(60));
  scheduler->submit(patient);
  scheduler->submit(late);
  ASSERT_TRUE(told.wait_for(1));
  EXPECT_GE(Clock::now() - begun, milliseconds(30));
  EXPECT_EQ(told.order(), std::vector<WorkItem*>{&late});
  EXPECT_EQ(late.status.code(), StatusCode::kDeadlineExceeded);
  model->release();
  ASSERT_TRUE(told.wait_for(3));
  EXPECT_TRUE(patient.status.ok());
  EXPECT_EQ(model->runs(), 2);
  auto& dead_on_arrival = item(1, 0, begun);
  scheduler->submit(dead_on_arrival);
  EXPECT_EQ(dead_on_arrival.status.code(), StatusCode::kDeadlineExceeded);
}

TEST_F(SchedulerTest, ARunPastItsDeadlineIsStopped) {
  open();
  model->hold();
  // On a busy machine a short deadline may pass before the run begins, which is not what is asked here.
  std::size_t tries = 0;
  for (auto time = milliseconds(20); model->started() == 0 && time < kPatience; time *= 3) {
    auto& late = item(1, 0, Clock::now() + time);
    scheduler->submit(late);
    ASSERT_TRUE(told.wait_for(++tries));
    EXPECT_EQ(late.status.code(), StatusCode::kDeadlineExceeded);
  }
  EXPECT_EQ(model->cancels(), 1);
  model->release();
  auto& next = item(2);
  scheduler->submit(next);
  ASSERT_TRUE(told.wait_for(tries + 1));
  EXPECT_EQ(result(next), 3.0F);
}

TEST_F(SchedulerTest, CancelEndsWaitingItemsAtOnceAndAsksRunningOnesToStop) {
  open();
  model->hold();
  auto& running = item(1);
  auto& waiting = item(2);
  scheduler->submit(running);
  scheduler->submit(waiting);
  scheduler->cancel(waiting);
  EXPECT_EQ(told.order(), std::vector<WorkItem*>{&waiting}) << "told within cancel()";
  EXPECT_EQ(waiting.status.code(), StatusCode::kCancelled);
  model->wait_for_started(1);
  scheduler->cancel(running);
  ASSERT_TRUE(told.wait_for(2));
  EXPECT_EQ(running.status.code(), StatusCode::kCancelled);
  model->release();
  auto& next = item(3);
  scheduler->submit(next);
  ASSERT_TRUE(told.wait_for(3));
  EXPECT_TRUE(next.status.ok());
}

TEST_F(SchedulerTest, DrainWaitsThenFailsTheRest) {
  open();
  model->hold();
  auto& running = item(1);
  auto& waiting = item(2);
  scheduler->submit(running);
  scheduler->submit(waiting);
  model->wait_for_started(1);
  EXPECT_FALSE(scheduler->drain(milliseconds(5)) && told.order().empty());
  ASSERT_TRUE(told.wait_for(2));
  EXPECT_EQ(waiting.status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(running.status.code(), StatusCode::kUnavailable);
  auto& after = item(3);
  scheduler->submit(after);
  EXPECT_EQ(after.status.code(), StatusCode::kUnavailable);
  EXPECT_TRUE(scheduler->drain(kPatience));
}

TEST_F(SchedulerTest, DrainLosesNothingWhenThereIsTime) {
  open();
  for (int i = 0; i < 50; ++i) scheduler->submit(item(static_cast<float>(i)));
  EXPECT_TRUE(scheduler->drain(kPatience));
  ASSERT_EQ(told.order().size(), 50u);
  for (const auto& each : items) EXPECT_TRUE(each.status.ok());
}

TEST_F(SchedulerTest, EveryFreeDevicePullsAndTheFirstIsPreferred) {
  open();
  auto second = add(PartialShape::from({1, 1}));
  model->hold();
  second->hold();
  EXPECT_EQ(scheduler->lane_count(), 2u);
  for (int i = 0; i < 4; ++i) scheduler->submit(item(1));
  EXPECT_EQ(model->started(), 1);
  EXPECT_EQ(second->started(), 1);
  second->release();  // the free device does all that waits
  ASSERT_TRUE(told.wait_for(3));
  EXPECT_EQ(second->runs(), 3);
  model->release();
  ASSERT_TRUE(told.wait_for(4));
  scheduler->submit(item(1));
  ASSERT_TRUE(told.wait_for(5));
  EXPECT_EQ(model->runs(), 2) << "with both free the first device is taken";
}

TEST_F(SchedulerTest, WorkOfALostDeviceMovesToAnother) {
  SchedulerOptions options;
  options.name = "dummy";
  options.inline_below = Duration::zero();
  scheduler = std::make_unique<Scheduler>(options, timer, pool, metrics, Log());
  const auto dies = [](const std::vector<TensorView>&, std::vector<Tensor>&) -> Status {
    return unavailable("device lost");
  };
  auto dying = std::make_shared<test::FakeModel>(test::add_signature(PartialShape::from({1, 1})), dies, 2);
  ExecutorSpec spec;
  spec.model = dying;
  spec.lanes = 2;
  dying->hold();
  ASSERT_TRUE(scheduler->add(std::move(spec)).ok());
  dying->reset_counts();
  model = add(PartialShape::from({1, 1}));
  for (int i = 0; i < 20; ++i) scheduler->submit(item(static_cast<float>(i)));
  dying->release();
  ASSERT_TRUE(told.wait_for(20));
  for (std::size_t i = 0; i < items.size(); ++i) {
    EXPECT_TRUE(items[i].status.ok()) << items[i].status.to_string();
    EXPECT_EQ(result(items[i]), static_cast<float>(i) + 1);
  }
  EXPECT_EQ(model->runs(), 20);
}

TEST_F(SchedulerTest, TheOnlyDeviceIsNotGivenUp) {
  SchedulerOptions options;
  options.inline_below = Duration::zero();
  scheduler = std::make_unique<Scheduler>(options, timer, pool, metrics, Log());
  const auto kernel = [this](const std::vector<TensorView>& in, std::vector<Tensor>& out) {
    return broken ? unavailable("device lost") : test::add_kernel(1)(in, out);
  };
  ExecutorSpec spec;
  spec.model = std::make_shared<test::FakeModel>(test::add_signature(PartialShape::from({1, 1})), kernel);
  ASSERT_TRUE(scheduler->add(std::move(spec)).ok());
  broken = true;
  auto& first = item(1);
  scheduler->submit(first);
  ASSERT_TRUE(told.wait_for(1));
  EXPECT_EQ(first.status.code(), StatusCode::kUnavailable);
  broken = false;
  auto& second = item(1);
  scheduler->submit(second);
  ASSERT_TRUE(told.wait_for(2));
  EXPECT_TRUE(second.status.ok());
}

TEST_F(SchedulerTest, AWatchedLoneDeviceGoesOutAndWorkFailsOrWaitsForTheNext) {
  SchedulerOptions options;
  options.name = "dummy";
  options.inline_below = Duration::zero();
  scheduler = std::make_unique<Scheduler>(options, timer, pool, metrics, Log());
  scheduler->watch(watch);
  const auto kernel = [this](const std::vector<TensorView>& in, std::vector<Tensor>& out) {
    return broken ? unavailable("device lost") : test::add_kernel(1)(in, out);
  };
  ExecutorSpec spec;
  spec.model = std::make_shared<test::FakeModel>(test::add_signature(PartialShape::from({1, 1})), kernel);
  const std::weak_ptr<CompiledModel> memory = spec.model;
  ASSERT_TRUE(scheduler->add(std::move(spec)).ok());
  broken = true;
  auto& first = item(1);
  scheduler->submit(first);
  ASSERT_TRUE(told.wait_for(1));
  EXPECT_EQ(first.status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(watch.out, std::vector<std::size_t>{0});
  auto& refused = item(1);
  scheduler->submit(refused);
  ASSERT_TRUE(told.wait_for(2));
  EXPECT_NE(std::string(refused.status.message()).find("FAKE is out of use (device lost)"), std::string::npos)
      << refused.status.to_string();
  EXPECT_TRUE(scheduler->remove(0, kPatience));
  EXPECT_TRUE(memory.expired());

  scheduler->expect_device(true);
  auto& waits = item(1);
  scheduler->submit(waits);
  EXPECT_EQ(metrics.queued_requests.load(), 1);
  model = add(PartialShape::from({1, 1}));
  ASSERT_TRUE(told.wait_for(3));
  EXPECT_TRUE(waits.status.ok());

  EXPECT_TRUE(scheduler->remove(1, kPatience) && scheduler->remove(0, kPatience));
  auto& stranded = item(1);
  scheduler->submit(stranded);
  scheduler->expect_device(false);
  ASSERT_TRUE(told.wait_for(4));
  EXPECT_EQ(stranded.status.code(), StatusCode::kUnavailable);
}

TEST_F(SchedulerTest, ADeviceLeavesUnderLoadWithoutADroppedItem) {
  open({}, PartialShape::from({1, 1}), 2);
  for (int round = 0; round < 20; ++round) {
    auto other =
        std::make_shared<test::FakeModel>(test::add_signature(PartialShape::from({1, 1})), test::add_kernel(1), 2);
    ExecutorSpec spec;
    spec.model = std::move(other);
    spec.lanes = 2;
    spec.position = 7;
    ASSERT_TRUE(scheduler->add(std::move(spec)).ok());
    const auto before = items.size();
    for (int i = 0; i < 50; ++i) scheduler->submit(item(static_cast<float>(i)));
    EXPECT_TRUE(scheduler->remove(7, kPatience));
    ASSERT_TRUE(told.wait_for(before + 50));
  }
  for (const auto& done : items) EXPECT_TRUE(done.status.ok()) << done.status.to_string();
}

TEST_F(SchedulerTest, FastModelsRunOnTheSubmittersThreadWithoutDeepStacks) {
  SchedulerOptions options;
  options.inline_below = milliseconds(100);
  scheduler = std::make_unique<Scheduler>(options, timer, pool, metrics, Log());
  model = add(PartialShape::from({1, 1}), 2);
  scheduler->submit(item(1));  // shows that the model is fast
  ASSERT_TRUE(told.wait_for(1));
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
