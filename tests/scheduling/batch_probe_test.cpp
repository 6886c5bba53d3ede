// What is measured at load, what comes of it, and how that is told.
#include <atomic>
#include <thread>

#include "repository/temporary_folder.hpp"
#include "scheduling/batch_probe.hpp"
#include "scheduling/batching_fixture.hpp"
#include "scheduling/synthetic_batch.hpp"

namespace ocelli::scheduling {
namespace {

using BatchProbeTest = BatchingTest;

TEST_F(BatchProbeTest, AProvisionalDeviceIsMeasuredWhenAskedForAndGoesOnServing) {
  provisional = true;
  open(adder(open_batch(2)), always());
  ASSERT_TRUE(scheduler->usage(0)->unmeasured);
  EXPECT_EQ(scheduler->usage(0)->batching.sizes, std::vector<std::uint32_t>{1});
  scheduler->submit(item(0));
  ASSERT_TRUE(wait_for(1));
  ASSERT_TRUE(scheduler->measure(0).ok());
  EXPECT_FALSE(scheduler->usage(0)->unmeasured);
  model->reset_counts();
  ASSERT_TRUE(scheduler->measure(0).ok());
  EXPECT_EQ(model->runs(), 0) << "once is enough";
  submit_behind_one(4);
  ASSERT_TRUE(wait_for(6));
  expect_answers();
  EXPECT_EQ(model->runs(), 2) << "one, then four together";
}

TEST_F(BatchProbeTest, AProvisionalDeviceDoesAsAnEarlierStartFoundOut) {
  const test::TemporaryFolder folder;
  const auto notes = std::make_shared<BatchNotes>(folder.path(), "model 1", Log());
  open(adder(open_batch(2)), always(), {}, notes);
  const auto sizes = scheduler->usage(0)->batching.sizes;
  EXPECT_GT(sizes.size(), 1U);
  provisional = true;
  open(adder(open_batch(2)), always(), {}, notes);
  EXPECT_EQ(scheduler->usage(0)->batching.sizes, sizes);
  EXPECT_FALSE(scheduler->usage(0)->unmeasured);
}

// A model whose run costs a fixed time, plus a time per item when there are several; slept rather than computed.
std::shared_ptr<test::FakeModel> slow_model(Duration fixed, Duration per_item) {
  return std::make_shared<test::FakeModel>(test::add_signature(open_batch(2)),
                                           [=](const std::vector<TensorView>& in, std::vector<Tensor>& out) -> Status {
                                             const auto items = in[0].shape[0];
                                             std::this_thread::sleep_for(fixed + per_item * (items > 1 ? items : 0));
                                             return test::add_kernel(1)(in, out);
                                           });
}

// The differences are so large, and the limits so far away, that a busy machine does not change what is decided.
TEST_F(BatchProbeTest, AutoKeepsSizesThatPay) {
  BatchingOptions options;
  options.max_items = 4;
  options.probe_limit = milliseconds(1000);
  open(slow_model(milliseconds(10), Duration::zero()), options);
  model->hold();
  for (int i = 0; i < 5; ++i) scheduler->submit(item(static_cast<float>(i)));
  model->release();
  ASSERT_TRUE(wait_for(5));
  EXPECT_EQ(model->runs(), 2) << "one, then four together";
}

TEST_F(BatchProbeTest, AutoTurnsItselfOffWhereItDoesNotPay) {
  BatchingOptions options;
  options.max_items = 4;
  options.probe_limit = milliseconds(400);
  open(slow_model(milliseconds(2), milliseconds(60)), options);
  model->hold();
  for (int i = 0; i < 5; ++i) scheduler->submit(item(static_cast<float>(i)));
  model->release();
  ASSERT_TRUE(wait_for(5));
  EXPECT_EQ(model->runs(), 5);
}

// The first runs meet a busy machine; how long one takes without that decides.
TEST_F(BatchProbeTest, ADisturbedReadingDoesNotMakeAFastModelWorthMeasuring) {
  std::atomic<int> runs{0};
  const auto kernel = [&](const std::vector<TensorView>& in, std::vector<Tensor>& out) {
    if (++runs < 5) std::this_thread::sleep_for(milliseconds(1));  // what a run takes, not a wait for another thread
    return test::add_kernel(1)(in, out);
  };
  BatchingOptions options;
  options.probe_limit = milliseconds(500);
  open(std::make_shared<test::FakeModel>(test::add_signature(open_batch(2)), kernel), options);
  EXPECT_LT(runs, 50) << "measuring makes thousands of runs";
  EXPECT_EQ(scheduler->usage(0)->batching.sizes, std::vector<std::uint32_t>{1});
}

// Kernels of a device that has no memory for more than so many rows.
test::FakeModel::Kernel small_device(std::int64_t rows) {
  return [rows](const std::vector<TensorView>& in, std::vector<Tensor>& out) -> Status {
    if (in[0].shape[0] > rows) return {StatusCode::kResourceExhausted, "no room"};
    return test::add_kernel(1)(in, out);
  };
}

TEST_F(BatchProbeTest, BatchesAreAsLargeAsTheDevicesMemoryTakes) {
  auto options = always();
  options.asked_for = true;
  open(std::make_shared<test::FakeModel>(test::add_signature(open_batch(2)), small_device(2)), options);
  const auto found = scheduler->usage(0)->batching;
  EXPECT_EQ(found.sizes, (std::vector<std::uint32_t>{1, 2}));
  EXPECT_EQ(found.remark, "requests are batched on FAKE up to 2 items: a run of 4 items failed: no room");
  submit_behind_one(4);
  ASSERT_TRUE(wait_for(5));
  expect_answers();
  EXPECT_EQ(items[1].batch_size, 2U);
}

TEST_F(BatchProbeTest, WhyWhatWasAskedForIsNotDoneIsTold) {
  auto options = always();
  options.asked_for = true;
  const auto remark = [&](const std::shared_ptr<test::FakeModel>& fake) {
    open(fake, options);
    return scheduler->usage(0)->batching.remark;
  };
  const auto small = std::make_shared<test::FakeModel>(test::add_signature(open_batch(2)), small_device(1));
  EXPECT_EQ(remark(small), "requests are not batched on FAKE: a run of 2 items failed: no room");
  EXPECT_EQ(remark(adder(PartialShape::from({1, 2}))),
            "requests are not batched on FAKE: its shape or its file fixes how many rows it takes");
  const auto stateful = adder(PartialShape::from({1, 2}));
  stateful->is_stateful = true;
  EXPECT_EQ(remark(stateful), "requests are not batched on FAKE: it keeps a state between runs");
  options.asked_for = false;
  EXPECT_EQ(remark(small), "") << "the log is enough";
}

TEST_F(BatchProbeTest, FormsForFewerItemsAreMadeWhereMemoryIsShort) {
  auto options = always();
  options.asked_for = true;
  std::vector<std::uint32_t> tried;
  open(adder(PartialShape::from({1, 2})), options, [&](std::uint32_t n) -> Result<std::shared_ptr<CompiledModel>> {
    tried.push_back(n);
    if (n >= 4) return Status(StatusCode::kResourceExhausted, "no room");
    return std::shared_ptr<CompiledModel>(adder(PartialShape::from({n, 2})));
  });
  EXPECT_EQ(tried, (std::vector<std::uint32_t>{4, 2})) << "8 needs more than 4";
  const auto usage = scheduler->usage(0);
  EXPECT_EQ(usage->batching.sizes, (std::vector<std::uint32_t>{1, 2}));
  EXPECT_EQ(usage->batching.remark, "requests are batched on FAKE up to 2 items: no form for a batch of 4: no room");
}

TEST_F(BatchProbeTest, WhatWasFoundOutWithoutRoomForLargerBatchesIsNotBelievedLater) {
  const test::TemporaryFolder folder;
  const auto notes = std::make_shared<BatchNotes>(folder.path(), "model 1", Log());
  BatchingOptions options;
  options.max_items = 4;
  options.probe_limit = milliseconds(1000);
  const auto full = [](const std::vector<TensorView>& in, std::vector<Tensor>& out) -> Status {
    const auto rows = in[0].shape[0];
    if (rows > 2) return {StatusCode::kResourceExhausted, "no room"};
    std::this_thread::sleep_for(milliseconds(rows > 1 ? 60 : 2));  // what a run takes, not a wait for another thread
    return test::add_kernel(1)(in, out);
  };
  open(std::make_shared<test::FakeModel>(test::add_signature(open_batch(2)), full), options, {}, notes);
  EXPECT_EQ(scheduler->usage(0)->batching.sizes, std::vector<std::uint32_t>{1}) << "two together do not pay";
  open(slow_model(milliseconds(10), Duration::zero()), options, {}, notes);
  EXPECT_GT(scheduler->usage(0)->batching.sizes.size(), 1U) << "with room they do, and more so four";
}

TEST_F(BatchProbeTest, FirstRunsAndMeasuringAreToldApart) {
  BatchingOptions options;
  options.max_items = 2;
  options.probe_limit = milliseconds(100);
  open(slow_model(milliseconds(2), Duration::zero()), options);
  const auto usage = scheduler->usage(0);
  EXPECT_GT(usage->warm_up, Duration::zero());
  EXPECT_GE(usage->measuring, milliseconds(12)) << "two sizes, three rounds, a run of 2 ms at least in each";
}

TEST_F(BatchProbeTest, AModelThatTakesTooLongDoesNotHoldUpLoading) {
  auto fake = adder(open_batch(2));
  fake->hold();  // until it is cancelled
  BatchingOptions options;
  options.probe_limit = milliseconds(50);
  open(fake, options);
  fake->release();
  scheduler->submit(item(1));
  ASSERT_TRUE(wait_for(1));
  expect_answers();
}

TEST(SyntheticBatch, ItemsAreTheSameAloneAndInCompanyAndDiffer) {
  const auto signature = test::add_signature(open_batch(16));
  const SyntheticBatch four(signature, 4, true);
  const SyntheticBatch one(signature, 1, true);
  EXPECT_EQ(relative_difference(four.item(0)[0], one.inputs()[0]), 0.0);
  EXPECT_GT(relative_difference(four.item(0)[0], four.item(3)[0]), 0.1);
  EXPECT_EQ(four.inputs()[0].shape, (Shape{4, 16}));
}

template <typename T>
double difference(DataType type, std::vector<T> reference, std::vector<T> other) {
  const auto view = [&](std::vector<T>& values) {
    return TensorView{type,
                      {static_cast<std::int64_t>(values.size())},
                      reinterpret_cast<std::byte*>(values.data()),
                      values.size() * sizeof(T)};
  };
  return relative_difference(view(reference), view(other));
}

TEST(SyntheticBatch, TellsDifferentValuesBesideInfiniteOnesAndIndexesApart) {
  constexpr auto kInfinite = std::numeric_limits<float>::infinity();
  constexpr auto kNever = std::numeric_limits<double>::infinity();
  using Floats = std::vector<float>;
  EXPECT_EQ(difference(DataType::kFp32, Floats{-kInfinite, 2}, Floats{-kInfinite, 2}), 0);
  EXPECT_EQ(difference(DataType::kFp32, Floats{-kInfinite, 2}, Floats{-kInfinite, 1}), 0.5);
  EXPECT_EQ(difference(DataType::kFp32, Floats{kInfinite, 2}, Floats{7, 2}), kNever);
  EXPECT_EQ(difference(DataType::kFp32, Floats{7, 2}, Floats{kInfinite, 2}), kNever);
  EXPECT_EQ(difference(DataType::kFp32, Floats{kInfinite}, Floats{-kInfinite}), kNever);
  using Indexes = std::vector<std::int64_t>;
  EXPECT_EQ(difference(DataType::kInt64, Indexes{50'000}, Indexes{50'000}), 0);
  EXPECT_EQ(difference(DataType::kInt64, Indexes{50'000}, Indexes{49'999}), kNever);
}

}  // namespace
}  // namespace ocelli::scheduling
