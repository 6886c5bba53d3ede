// One device: order, bounds, deadlines, cancellation, the end.
#include "scheduling/scheduler_fixture.hpp"

namespace ocelli::scheduling {
namespace {

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

// The thread that begins the run may be held up after it has looked.
TEST_F(SchedulerTest, AStopThatComesJustBeforeTheRunIsNotLost) {
  open();
  model->hold();
  model->before_start = [this] { EXPECT_TRUE(test::eventually([this] { return model->cancels() > 0; }, kPatience)); };
  auto& late = item(1, 0, Clock::now() + milliseconds(20));
  std::thread submitter([&] { scheduler->submit(late); });
  EXPECT_TRUE(told.wait_for(1));
  EXPECT_EQ(late.status.code(), StatusCode::kDeadlineExceeded);
  model->release();
  submitter.join();
}

}  // namespace
}  // namespace ocelli::scheduling
