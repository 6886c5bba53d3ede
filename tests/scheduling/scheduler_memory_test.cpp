// Devices that leave while they have no work, are woken when work waits, and run again after memory was freed.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "scheduling/scheduler.hpp"
#include "support/eventually.hpp"
#include "support/fake_model.hpp"

namespace ocelli::scheduling {
namespace {

using std::chrono::seconds;

constexpr auto kPatience = seconds(20);

struct SchedulerMemoryTest : testing::Test, WorkCompletion, DeviceWatch {
  SchedulerMemoryTest() {
    SchedulerOptions options;
    options.name = "dummy";
    options.inline_below = Duration::zero();
    options.queue_limit = 50;
    scheduler = std::make_unique<Scheduler>(options, timer, pool, metrics, Log());
    scheduler->watch(*this);
  }
  std::shared_ptr<test::FakeModel> add(std::optional<BatchFindings> decided = {},
                                       const PartialShape& shape = PartialShape::from({1, 1}),
                                       std::size_t position = 0) {
    const auto kernel = [this](const std::vector<TensorView>& in, std::vector<Tensor>& results) -> Status {
      if (full) return {StatusCode::kResourceExhausted, "full"};
      return test::add_kernel(1)(in, results);
    };
    ExecutorSpec spec;
    auto made = std::make_shared<test::FakeModel>(test::add_signature(shape), kernel);
    made->mutable_info().memory_bytes = 12;
    spec.model = made;
    spec.position = position;
    spec.decided = std::move(decided);
    EXPECT_TRUE(scheduler->add(std::move(spec)).ok());
    return made;
  }
  WorkItem& submit(std::uint32_t rows = 1) {
    auto& values = inputs.emplace_back(rows, 0.0F);
    auto& item = items.emplace_back();
    item.work.items = rows;
    item.work.inputs.push_back(
        {DataType::kFp32, {rows, 1}, reinterpret_cast<std::byte*>(values.data()), rows * sizeof(float)});
    item.work.outputs.resize(1);
    item.work.completion = this;
    scheduler->submit(item);
    return item;
  }
  void on_work_done(WorkItem&) noexcept override { count(told); }
  void on_device_out(std::size_t, const Status&) noexcept override { count(out); }
  void on_device_limited(std::size_t, std::uint32_t, const Status&) noexcept override {}
  void on_device_unbatched(std::size_t, std::function<void()>) noexcept override {}
  bool may_free_memory(std::size_t) noexcept override { return can_free; }
  void on_device_full(std::size_t) noexcept override { count(asked); }
  void on_work_waits() noexcept override { count(woken); }
  void count(int& what) {
    const std::lock_guard lock(mutex);
    ++what;
    changed.notify_all();
  }
  bool reaches(const int& what, int wanted) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, kPatience, [&] { return what >= wanted; });
  }
  bool reaches_now(const int& what, int wanted) {
    const std::lock_guard lock(mutex);
    return what >= wanted;
  }
  void reset_counts() {
    const std::lock_guard lock(mutex);
    told = out = asked = woken = 0;
  }
  // The lane of an item that was told may be given back a moment later.
  bool leaves() {
    return test::eventually([&] { return scheduler->remove_unused(0, TimePoint::max()); });
  }

  BufferPool pool;
  Timer timer;
  observability::ServableMetrics metrics;
  std::atomic<bool> full{false};
  std::atomic<bool> can_free{false};
  std::mutex mutex;
  std::condition_variable changed;
  int told = 0, out = 0, asked = 0, woken = 0;
  std::deque<std::vector<float>> inputs;
  std::deque<WorkItem> items;
  std::unique_ptr<Scheduler> scheduler;
};

TEST_F(SchedulerMemoryTest, OnlyADeviceWithoutWorkLeaves) {
  const auto begin = Clock::now();
  auto model = add();
  EXPECT_FALSE(scheduler->remove_unused(0, begin)) << "it was used since";
  EXPECT_FALSE(scheduler->remove_unused(5, TimePoint::max())) << "there is no such device";
  model->hold();
  submit();
  EXPECT_FALSE(scheduler->usage(0)->idle);
  EXPECT_FALSE(scheduler->remove_unused(0, TimePoint::max())) << "something runs";
  model->release();
  ASSERT_TRUE(reaches(told, 1));
  EXPECT_EQ(scheduler->usage(0)->memory_bytes, 12U);
  std::weak_ptr<test::FakeModel> memory = model;
  model.reset();
  EXPECT_TRUE(leaves());
  EXPECT_TRUE(memory.expired());
  EXPECT_EQ(scheduler->usage(0), std::nullopt);
}

TEST_F(SchedulerMemoryTest, WorkThatFindsASleepingDeviceWakesItOnce) {
  add();
  scheduler->expect_device(true, true);
  ASSERT_TRUE(leaves());
  submit();
  submit();
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(scheduler->waiting(), 2U);
  scheduler->expect_device(true, true);
  EXPECT_EQ(woken, 2) << "work that waits already counts too";
  add();
  ASSERT_TRUE(reaches(told, 2));
  for (const auto& item : items) EXPECT_TRUE(item.status.ok()) << item.status.to_string();
}

TEST_F(SchedulerMemoryTest, WhatTheDeviceThatIsAwakeCannotRunWakesTheOther) {
  const auto awake = add();
  scheduler->expect_device(true, true);
  awake->refuses = [](const TensorView&) { return true; };
  auto& refused = submit();
  ASSERT_TRUE(reaches(woken, 1));
  EXPECT_EQ(told, 0);
  add({}, PartialShape::from({1, 1}), 1);
  scheduler->expect_device(false);
  ASSERT_TRUE(reaches(told, 1));
  EXPECT_TRUE(refused.status.ok()) << refused.status.to_string();
}

TEST_F(SchedulerMemoryTest, ARequestThatIsTooLargeWakesTheOtherAndCostsNoDevice) {
  add();
  scheduler->expect_device(true, true);
  full = true;
  auto& large = submit();
  ASSERT_TRUE(reaches(woken, 1));
  EXPECT_FALSE(reaches_now(out, 1));
  full = false;
  add({}, PartialShape::from({1, 1}), 1);
  scheduler->expect_device(false);
  ASSERT_TRUE(reaches(told, 1));
  EXPECT_TRUE(large.status.ok()) << large.status.to_string();
}

TEST_F(SchedulerMemoryTest, TheQueueIsBoundedWhileADeviceWaitsForMemory) {
  add();
  full = can_free = true;
  submit();
  ASSERT_TRUE(reaches(asked, 1));
  for (int i = 0; i < 60; ++i) submit();
  EXPECT_EQ(scheduler->waiting(), 50U);
  EXPECT_EQ(items.back().status.code(), StatusCode::kResourceExhausted);
  full = false;
  scheduler->resume(0);
  ASSERT_TRUE(reaches(told, 61));
}

TEST_F(SchedulerMemoryTest, AFullDeviceWaitsForMemoryOnceAndThenFailsAsBefore) {
  add();
  full = can_free = true;
  auto& first = submit();
  ASSERT_TRUE(reaches(asked, 1));
  EXPECT_EQ(told, 0);
  EXPECT_FALSE(scheduler->remove_unused(0, TimePoint::max())) << "its work waits for it";
  full = false;
  scheduler->resume(0);
  ASSERT_TRUE(reaches(told, 1));
  EXPECT_TRUE(first.status.ok()) << first.status.to_string();
  full = true;
  auto& second = submit();
  ASSERT_TRUE(reaches(told, 2));
  EXPECT_EQ(second.status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(asked, 1) << "not again so soon";
}

// Requests that are too large by themselves would else be everybody's outage.
TEST_F(SchedulerMemoryTest, TheProcessorStaysWhateverItLacksMemoryFor) {
  for (const auto* device : {"CPU", "GPU.0"}) {
    scheduler->remove(0, kPatience);
    add()->mutable_info().device = device;
    full = true;
    reset_counts();
    for (int i = 1; i <= 3; ++i) {
      const auto& item = submit();
      ASSERT_TRUE(reaches(told, i));
      if (i == 1) {
        EXPECT_EQ(item.status.code(), StatusCode::kResourceExhausted);
      }
    }
    const bool stays = std::string_view(device) == "CPU";
    EXPECT_TRUE(reaches(out, stays ? 0 : 1));
    full = false;
    const auto& item = submit();
    ASSERT_TRUE(reaches(told, 4));
    EXPECT_EQ(item.status.ok(), stays) << item.status.to_string();
    EXPECT_EQ(reaches_now(out, 1), !stays);
  }
}

TEST_F(SchedulerMemoryTest, ALoneDeviceStaysWhereOnlyLargerRequestsThanBeforeFindNoMemory) {
  add({}, PartialShape{{Dimension::any(), Dimension::fixed(1)}})->mutable_info().device = "GPU.0";
  submit(2);
  ASSERT_TRUE(reaches(told, 1));
  full = true;
  for (int i = 2; i <= 5; ++i) {
    const auto& item = submit(3);
    ASSERT_TRUE(reaches(told, i));
    EXPECT_EQ(item.status.code(), StatusCode::kResourceExhausted);
  }
  EXPECT_FALSE(reaches_now(out, 1));
  submit(2);
  submit(2);
  ASSERT_TRUE(reaches(told, 7));
  EXPECT_TRUE(reaches(out, 1)) << "these fitted before: the device is what is wrong";
}

TEST_F(SchedulerMemoryTest, NoModelIsTakenOffTheProcessorForARequestThatIsTooLarge) {
  add()->mutable_info().device = "CPU";
  full = can_free = true;
  const auto& item = submit();
  ASSERT_TRUE(reaches(told, 1));
  EXPECT_EQ(item.status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(asked, 0);
}

TEST_F(SchedulerMemoryTest, WhatWasMeasuredIsTakenOver) {
  const auto model = add(BatchFindings{true, {1, 2, 4}, {}, {}}, PartialShape{{Dimension::any(), Dimension::fixed(1)}});
  EXPECT_EQ(scheduler->usage(0)->batching.sizes, (std::vector<std::uint32_t>{1, 2, 4}));
  EXPECT_TRUE(scheduler->usage(0)->batching.any_size);
  EXPECT_LE(model->runs(), 4) << "the warm-up, and no measuring";
}

}  // namespace
}  // namespace ocelli::scheduling
