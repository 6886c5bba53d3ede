// Runs that wait inside the runtime, so that its streams do not stand still between two.
#include <thread>

#include "scheduling/scheduler_fixture.hpp"

namespace ocelli::scheduling {
namespace {

struct AheadTest : SchedulerTest {
  // One stream, behind which one more run may wait.
  void open_ahead(SchedulerOptions options = {}, const PartialShape& shape = PartialShape::from({1, 1})) {
    options.name = "dummy";
    options.inline_below = Duration::zero();
    scheduler = std::make_unique<Scheduler>(options, timer, pool, metrics, Log());
    model = add_ahead(shape);
  }
  std::shared_ptr<test::FakeModel> add_ahead(const PartialShape& shape) {
    auto added = std::make_shared<test::FakeModel>(test::add_signature(shape), test::add_kernel(1.0F));
    added->mutable_info().requests_ahead = 1;
    ExecutorSpec spec;
    spec.model = added;
    EXPECT_TRUE(scheduler->add(std::move(spec)).ok());
    added->reset_counts();
    return added;
  }
};

TEST_F(AheadTest, OneRunWaitsInsideTheRuntimeAndTheRestInTheQueue) {
  open_ahead();
  model->hold();
  for (int i = 0; i < 4; ++i) scheduler->submit(item(static_cast<float>(i)));
  EXPECT_EQ(model->started(), 2);
  EXPECT_EQ(metrics.queued_requests.load(), 2);
  model->release_some(1);
  model->wait_for_started(3);
  model->release();
  ASSERT_TRUE(told.wait_for(4));
  EXPECT_EQ(told.order(), (std::vector<WorkItem*>{&items[0], &items[1], &items[2], &items[3]}));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(result(items[static_cast<std::size_t>(i)]), static_cast<float>(i + 1));
}

TEST_F(AheadTest, TheTimeInsideTheRuntimesQueueIsTimeInTheQueue) {
  open_ahead();
  model->hold();
  scheduler->submit(item(0));
  scheduler->submit(item(1));
  model->release_some(1);
  ASSERT_TRUE(told.wait_for(1));
  model->release();
  ASSERT_TRUE(told.wait_for(2));
  EXPECT_EQ(items[1].times.started, items[0].times.finished);
}

TEST_F(AheadTest, TheQueueStaysBounded) {
  SchedulerOptions options;
  options.queue_limit = 1;
  open_ahead(options);
  model->hold();
  for (int i = 0; i < 4; ++i) scheduler->submit(item(1));  // one runs, one is ahead, one waits
  ASSERT_TRUE(told.wait_for(1));
  EXPECT_EQ(told.order(), std::vector<WorkItem*>{&items[3]});
  EXPECT_EQ(items[3].status.code(), StatusCode::kResourceExhausted);
  model->release();
  ASSERT_TRUE(told.wait_for(4));
}

TEST_F(AheadTest, WorkIsNotKeptFromAnotherDevice) {
  open_ahead();
  const auto second = add_ahead(PartialShape::from({1, 1}));
  model->hold();
  second->hold();
  for (int i = 0; i < 3; ++i) scheduler->submit(item(1));
  EXPECT_EQ(model->started(), 1);
  EXPECT_EQ(second->started(), 1);
  second->release_some(1);
  second->wait_for_started(2);
  model->release();
  second->release();
  ASSERT_TRUE(told.wait_for(3));
}

TEST_F(AheadTest, OnlyAFullBatchGoesAhead) {
  SchedulerOptions options;
  options.batching.mode = BatchingMode::kOn;
  options.batching.max_items = 4;
  PartialShape shape = PartialShape::from({1, 1});
  shape.dims[0] = Dimension::any();
  open_ahead(options, shape);
  model->hold();
  for (int i = 0; i < 4; ++i) scheduler->submit(item(1));
  EXPECT_EQ(model->started(), 1);  // three wait for a fourth
  scheduler->submit(item(1));
  EXPECT_EQ(model->started(), 2);
  model->release();
  ASSERT_TRUE(told.wait_for(5));
  EXPECT_EQ(items[4].batch_size, 4U);
}

TEST_F(AheadTest, ACancelledRunEndsAndTheNextOneTakesItsPlace) {
  open_ahead();
  model->hold();
  for (int i = 0; i < 3; ++i) scheduler->submit(item(1));
  scheduler->cancel(items[1]);
  model->release();
  ASSERT_TRUE(told.wait_for(3));
  EXPECT_EQ(items[1].status.code(), StatusCode::kCancelled);
  EXPECT_TRUE(items[2].status.ok());
}

TEST_F(AheadTest, ManyClientsLoseNothing) {
  open_ahead();
  constexpr int kEach = 2'000;
  std::vector<std::jthread> clients;
  many.resize(4 * kEach);
  inputs.resize(1, std::vector<float>(1, 1.0F));
  for (auto& each : many) {
    each.work.inputs.push_back(
        {DataType::kFp32, {1, 1}, reinterpret_cast<std::byte*>(inputs.front().data()), sizeof(float)});
    each.work.outputs.resize(1);
    each.work.completion = &counter;
  }
  for (int client = 0; client < 4; ++client) {
    clients.emplace_back([this, client] {
      for (int i = 0; i < kEach; ++i) {
        scheduler->submit(many[static_cast<std::size_t>(client * kEach + i)]);
      }
    });
  }
  clients.clear();
  ASSERT_TRUE(counter.wait_for(4 * kEach));
  for (const auto& each : many) {
    EXPECT_TRUE(each.status.ok()) << each.status.message();
    EXPECT_GE(each.times.finished, each.times.started);
  }
}

}  // namespace
}  // namespace ocelli::scheduling
