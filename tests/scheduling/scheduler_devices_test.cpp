// Several devices under one scheduler: who pulls first, who is lost, who leaves.
#include "scheduling/scheduler_fixture.hpp"

namespace ocelli::scheduling {
namespace {

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
  EXPECT_EQ(metrics.device_failures[0].load(), 1U);
  EXPECT_EQ(metrics.device_failures[1].load(), 0U);
  EXPECT_EQ(metrics.request_retries.load(), 2U) << "one run on each of its lanes";
}

TEST_F(SchedulerTest, WhatOneDeviceHasNoMemoryForRunsOnTheOtherInTheOrderItCame) {
  SchedulerOptions options;
  options.name = "dummy";
  options.inline_below = Duration::zero();
  scheduler = std::make_unique<Scheduler>(options, timer, pool, metrics, Log());
  std::atomic<bool> warm{false};  // before that it is given made-up values
  const auto small = [&](const std::vector<TensorView>& in, std::vector<Tensor>& out) -> Status {
    if (warm && *reinterpret_cast<const float*>(in[0].data) > 0) return {StatusCode::kResourceExhausted, "full"};
    return test::add_kernel(1)(in, out);
  };
  ExecutorSpec spec;
  spec.model = std::make_shared<test::FakeModel>(test::add_signature(PartialShape::from({1, 1})), small);
  ASSERT_TRUE(scheduler->add(std::move(spec)).ok());
  model = add(PartialShape::from({1, 1}));
  warm = true;
  model->hold();
  std::vector<WorkItem*> large;
  for (std::uint64_t i = 1; i <= 6; ++i) {
    large.push_back(&item(static_cast<float>(i)));
    scheduler->submit(*large.back());
    ASSERT_TRUE(test::eventually([&] { return metrics.request_retries.load() == i; }, kPatience));
    scheduler->submit(item(0));  // one that fits: the device is not out of use
    ASSERT_TRUE(told.wait_for(i));
  }
  model->release();
  ASSERT_TRUE(told.wait_for(12));
  const auto order = told.order();
  EXPECT_EQ(std::vector(order.begin() + 6, order.end()), large);
  for (const auto& each : items) EXPECT_TRUE(each.status.ok()) << each.status.to_string();
}

// Else the answer would depend on which of them was free.
TEST_F(SchedulerTest, AValueThatOneDeviceCannotHoldGoesToTheOther) {
  open();
  auto second = add(PartialShape::from({1, 1}));
  model->refuses = [](const TensorView& input) { return *reinterpret_cast<const float*>(input.data) > 9; };
  for (int i = 0; i < 20; ++i) scheduler->submit(item(i % 2 == 0 ? 1.0F : 10.0F));
  ASSERT_TRUE(told.wait_for(20));
  for (std::size_t i = 0; i < items.size(); ++i) {
    ASSERT_TRUE(items[i].status.ok()) << items[i].status.to_string();
    EXPECT_EQ(result(items[i]), i % 2 == 0 ? 2 : 11);
  }
  second->refuses = model->refuses;
  auto& nowhere = item(10);
  scheduler->submit(nowhere);
  ASSERT_TRUE(told.wait_for(21));
  EXPECT_EQ(nowhere.status.to_string(), "INVALID_ARGUMENT: a value that the device cannot hold");
}

TEST_F(SchedulerTest, WhatWaitsForADeviceThatLeavesIsSeenToByTheOneThatIsFree) {
  open();
  auto second = add(PartialShape::from({1, 1}));
  model->refuses = [](const TensorView& input) { return *reinterpret_cast<const float*>(input.data) > 9; };
  model->hold();
  second->hold();
  scheduler->submit(item(1));
  scheduler->submit(item(1));
  model->release();
  ASSERT_TRUE(told.wait_for(1));
  auto& refused = item(10);
  scheduler->submit(refused);
  EXPECT_EQ(scheduler->waiting(), 1U) << "for the second device";
  std::thread remover([this] { EXPECT_TRUE(scheduler->remove(1, kPatience)); });
  EXPECT_TRUE(test::eventually([this] { return metrics.infer_req_queue_size.load() == 1; }));
  second->release();
  remover.join();
  ASSERT_TRUE(told.wait_for(3)) << "and not only when another request comes";
  EXPECT_EQ(refused.status.to_string(), "INVALID_ARGUMENT: a value that the device cannot hold");
}

// Its lanes are cleared before the device is made ready again.
TEST_F(SchedulerTest, ARunThatIsStoppedForItsLostDeviceWasNotLate) {
  SchedulerOptions options;
  options.name = "dummy";
  options.inline_below = Duration::zero();
  scheduler = std::make_unique<Scheduler>(options, timer, pool, metrics, Log());
  scheduler->watch(watch);
  const auto kernel = [](const std::vector<TensorView>& in, std::vector<Tensor>& out) -> Status {
    if (*reinterpret_cast<const float*>(in[0].data) < 0) return unavailable("device lost");
    return test::add_kernel(1)(in, out);
  };
  ExecutorSpec spec;
  model = std::make_shared<test::FakeModel>(test::add_signature(PartialShape::from({1, 1})), kernel, 2);
  spec.model = model;
  spec.lanes = 2;
  ASSERT_TRUE(scheduler->add(std::move(spec)).ok());
  model->reset_counts();
  model->hold();
  scheduler->submit(item(-1));
  model->wait_for_started(1);
  auto& other = item(1);
  scheduler->submit(other);
  model->wait_for_started(2);
  model->release_some(1);
  ASSERT_TRUE(told.wait_for(1));
  EXPECT_TRUE(scheduler->remove(0, Duration::zero()));
  ASSERT_TRUE(told.wait_for(2));
  EXPECT_EQ(other.status.code(), StatusCode::kUnavailable) << other.status.to_string();
}

TEST_F(SchedulerTest, TheOnlyDeviceIsNotGivenUp) {
  SchedulerOptions options;
  options.inline_below = Duration::zero();
  scheduler = std::make_unique<Scheduler>(options, timer, pool, metrics, Log());
  ExecutorSpec spec;
  spec.model = breakable();
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
  ExecutorSpec spec;
  spec.model = breakable();
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

}  // namespace
}  // namespace ocelli::scheduling
