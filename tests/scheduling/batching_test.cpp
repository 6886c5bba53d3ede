#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "repository/temporary_folder.hpp"
#include "scheduling/batch_probe.hpp"
#include "scheduling/scheduler.hpp"
#include "scheduling/synthetic_batch.hpp"
#include "support/fake_model.hpp"

namespace ocelli::scheduling {
namespace {

using std::chrono::milliseconds;

PartialShape open_batch(std::int64_t width) {
  PartialShape shape = PartialShape::from({1, width});
  shape.dims[0] = Dimension::any();
  return shape;
}

struct BatchingTest : testing::Test, WorkCompletion {
  void on_work_done(WorkItem&) noexcept override {
    const std::lock_guard lock(mutex);
    ++told;
    changed.notify_all();
  }
  bool wait_for(int count) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(120), [&] { return told >= count; });
  }
  void open(std::shared_ptr<test::FakeModel> fake, BatchingOptions batching, BatchCompiler compiler = {},
            std::shared_ptr<const BatchNotes> notes = {}) {
    model = std::move(fake);
    SchedulerOptions options;
    options.name = "dummy";
    options.inline_below = Duration::zero();
    options.batching = batching;
    scheduler = std::make_unique<Scheduler>(options, timer, pool, metrics, Log());
    ExecutorSpec spec;
    spec.model = model;
    spec.compile_for_batch = std::move(compiler);
    spec.notes = std::move(notes);
    spec.provisional = provisional;
    ASSERT_TRUE(scheduler->add(std::move(spec)).ok());
    model->reset_counts();
  }
  // `count` rows of two floats, beginning with `first`.
  WorkItem& item(float first, std::uint32_t count = 1) {
    auto& values = inputs.emplace_back();
    for (std::uint32_t i = 0; i < count * 2; ++i) values.push_back(first + static_cast<float>(i));
    auto& made = items.emplace_back();
    made.work.inputs.push_back(
        {DataType::kFp32, {count, 2}, reinterpret_cast<std::byte*>(values.data()), values.size() * sizeof(float)});
    made.work.outputs.resize(1);
    made.work.items = count;
    made.work.completion = this;
    return made;
  }
  // One runs alone, and so many more, which begin with 10, 20, ..., come while it does. Returns when they may run.
  void submit_behind_one(int waiting) {
    model->hold();
    scheduler->submit(item(0));
    model->wait_for_started(1);
    for (int i = 1; i <= waiting; ++i) scheduler->submit(item(static_cast<float>(i * 10)));
    model->release();
  }
  static std::vector<float> result(const WorkItem& done) {
    const auto& view = done.work.outputs[0].result.view;
    std::vector<float> values(view.bytes / sizeof(float));
    if (!values.empty()) std::memcpy(values.data(), view.data, view.bytes);
    return values;
  }
  void expect_answers(std::size_t except = static_cast<std::size_t>(-1)) {
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i == except) continue;
      ASSERT_TRUE(items[i].status.ok()) << items[i].status.to_string();
      const auto& view = items[i].work.outputs[0].result.view;
      EXPECT_EQ(view.shape, items[i].work.inputs[0].shape);
      auto expected = inputs[i];
      for (auto& value : expected) value += 1;
      EXPECT_EQ(result(items[i]), expected);
    }
  }
  static BatchingOptions always() {
    BatchingOptions options;
    options.mode = BatchingMode::kOn;
    options.max_items = 8;
    return options;
  }
  static std::shared_ptr<test::FakeModel> adder(const PartialShape& shape) {
    return std::make_shared<test::FakeModel>(test::add_signature(shape), test::add_kernel(1.0F));
  }

  BufferPool pool;
  Timer timer;
  observability::ServableMetrics metrics;
  std::mutex mutex;
  std::condition_variable changed;
  int told = 0;
  bool provisional = false;
  std::deque<std::vector<float>> inputs;
  std::deque<WorkItem> items;
  std::shared_ptr<test::FakeModel> model;
  std::unique_ptr<Scheduler> scheduler;
};

TEST_F(BatchingTest, WhatWaitsRunsTogetherAndGetsItsOwnSlice) {
  open(adder(open_batch(2)), always());
  submit_behind_one(11);
  ASSERT_TRUE(wait_for(12));
  expect_answers();
  EXPECT_EQ(items[0].batch_size, 1u);
  EXPECT_EQ(items[1].batch_size, 8u);
  EXPECT_EQ(items[9].batch_size, 2u) << "the three that were left run as two and one";
  EXPECT_EQ(model->runs(), 4);
  EXPECT_EQ(metrics.batches[8].executions.load(), 1u);
  EXPECT_GT(metrics.batches[8].infer_ns.load(), 0u);
  EXPECT_EQ(metrics.batches[1].executions.load() + metrics.batches[2].executions.load(), 3u);
  EXPECT_EQ(metrics.inferences.load(), 12u);
  EXPECT_EQ(items[1].work.outputs[0].result.owner.get(), items[2].work.outputs[0].result.owner.get())
      << "slices share one buffer";
}

TEST_F(BatchingTest, AProvisionalDeviceIsMeasuredWhenAskedForAndGoesOnServing) {
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

TEST_F(BatchingTest, AProvisionalDeviceDoesAsAnEarlierStartFoundOut) {
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

TEST_F(BatchingTest, RequestsThatAreBatchesThemselvesCountTheirItems) {
  open(adder(open_batch(2)), always());
  model->hold();
  scheduler->submit(item(0));
  model->wait_for_started(1);
  scheduler->submit(item(100, 3));
  scheduler->submit(item(200, 4));
  scheduler->submit(item(300, 2));
  scheduler->submit(item(400, 20));
  model->release();
  ASSERT_TRUE(wait_for(5));
  expect_answers();
  EXPECT_EQ(items[1].batch_size, 2u) << "3 + 4 items fit into 8, 2 more do not";
  EXPECT_EQ(items[4].batch_size, 1u) << "larger than any batch, but the model takes it";
  EXPECT_EQ(metrics.inferences.load(), 30u);
}

TEST_F(BatchingTest, PlacesOfTheClientsAreHonouredInsideABatch) {
  open(adder(open_batch(2)), always());
  model->hold();
  scheduler->submit(item(0));
  model->wait_for_started(1);
  float place[2] = {};
  float small[1] = {};
  scheduler->submit(item(10));
  auto& placed = item(20);
  placed.work.outputs[0].destination = {DataType::kFp32, {1, 2}, reinterpret_cast<std::byte*>(place), sizeof place};
  scheduler->submit(placed);
  auto& squeezed = item(30);
  squeezed.work.outputs[0].destination = {DataType::kFp32, {1, 2}, reinterpret_cast<std::byte*>(small), sizeof small};
  scheduler->submit(squeezed);
  auto& unwanted = item(40);
  unwanted.work.outputs[0].wanted = false;
  scheduler->submit(unwanted);
  model->release();
  ASSERT_TRUE(wait_for(5));
  EXPECT_EQ(items[1].batch_size, 4u);
  EXPECT_EQ(result(items[1]), (std::vector<float>{11, 12}));
  EXPECT_EQ(place[1], 22.0F);
  EXPECT_EQ(
      squeezed.status.to_string(),
      "INVALID_ARGUMENT: Output does not fit the place given for it - Expected: at least 8 bytes; Actual: 4 bytes; "
      "output name: a");
  EXPECT_TRUE(unwanted.status.ok());
}

TEST_F(BatchingTest, APlaceOffItsBoundaryIsNotGivenToTheRuntime) {
  const void* bound = nullptr;
  const auto kernel = [&bound](const std::vector<TensorView>& in, std::vector<Tensor>& out) -> Status {
    auto status = test::add_kernel(1)(in, out);
    bound = out[0].view.data;
    return status;
  };
  open(std::make_shared<test::FakeModel>(test::add_signature(open_batch(2)), kernel), BatchingOptions{});
  alignas(float) std::byte room[2 * sizeof(float) + 1];
  auto& odd = item(20);
  odd.work.outputs[0].destination = {DataType::kFp32, {1, 2}, room + 1, 2 * sizeof(float)};
  scheduler->submit(odd);
  ASSERT_TRUE(wait_for(1));
  EXPECT_TRUE(odd.status.ok());
  float answer[2];
  std::memcpy(answer, room + 1, sizeof answer);
  EXPECT_EQ(answer[1], 22.0F);
  EXPECT_NE(bound, room + 1);
}

TEST_F(BatchingTest, ABadRequestDoesNotHarmItsNeighbours) {
  const auto kernel = [](const std::vector<TensorView>& in, std::vector<Tensor>& out) -> Status {
    for (std::size_t i = 0; i < in[0].bytes / sizeof(float); ++i) {
      if (reinterpret_cast<const float*>(in[0].data)[i] == 666) return internal_error("the runtime chokes");
    }
    return test::add_kernel(1)(in, out);
  };
  open(std::make_shared<test::FakeModel>(test::add_signature(open_batch(2)), kernel), always());
  model->hold();
  scheduler->submit(item(0));
  model->wait_for_started(1);
  for (const float first : {10.0F, 20.0F, 666.0F, 30.0F}) scheduler->submit(item(first));
  model->release();
  ASSERT_TRUE(wait_for(5));
  EXPECT_EQ(items[3].status.code(), StatusCode::kInternal);
  expect_answers(3);
}

TEST_F(BatchingTest, FixedBatchModelsUseFormsCompiledForMore) {
  std::vector<std::uint32_t> compiled;
  std::vector<std::shared_ptr<test::FakeModel>> forms;
  open(adder(PartialShape::from({1, 2})), always(), [&](std::uint32_t n) -> Result<std::shared_ptr<CompiledModel>> {
    compiled.push_back(n);
    forms.push_back(adder(PartialShape::from({n, 2})));
    return std::shared_ptr<CompiledModel>(forms.back());
  });
  EXPECT_EQ(compiled, (std::vector<std::uint32_t>{4, 2, 8}));
  for (auto& form : forms) form->reset_counts();
  submit_behind_one(15);
  ASSERT_TRUE(wait_for(16));
  expect_answers();
  EXPECT_EQ(forms[0]->runs(), 1);  // 15 = 8 + 4 + 2 + 1
  EXPECT_EQ(forms[1]->runs(), 1);
  EXPECT_EQ(forms[2]->runs(), 1);
  EXPECT_EQ(model->runs(), 2);
}

// Keeps the rows whose first value is above zero, as models do that find things.
test::FakeModel::Kernel keep_rows() {
  return [](const std::vector<TensorView>& in, std::vector<Tensor>& out) -> Status {
    std::vector<float> kept;
    const auto* values = reinterpret_cast<const float*>(in[0].data);
    for (std::int64_t row = 0; row < in[0].shape[0]; ++row) {
      if (values[row * 2] > 0) kept.insert(kept.end(), {values[row * 2], values[row * 2 + 1]});
    }
    auto& view = out[0].view;
    const auto bytes = kept.size() * sizeof(float);
    if (!view.data || bytes > view.bytes) {
      out[0].owner = Buffer::allocate(bytes);
      view.data = out[0].owner->data();
    }
    view.type = DataType::kFp32;
    view.shape = {static_cast<std::int64_t>(kept.size() / 2), 2};
    view.bytes = bytes;
    if (bytes > 0) std::memcpy(view.data, kept.data(), bytes);
    return {};
  };
}

std::shared_ptr<test::FakeModel> keeping_model(bool proven) {
  auto model = std::make_shared<test::FakeModel>(test::add_signature(open_batch(2)), keep_rows());
  model->has_proven_shapes = proven;
  return model;
}

TEST_F(BatchingTest, AModelWhoseRowsMayHangOnTheDataIsNeverBatched) {
  open(keeping_model(false), always());
  model->hold();
  for (int i = 0; i < 6; ++i) scheduler->submit(item(i % 2 == 0 ? -1.0F : 7.0F));
  model->release();
  ASSERT_TRUE(wait_for(6));
  EXPECT_EQ(model->runs(), 6);
  for (std::size_t i = 0; i < items.size(); ++i) {
    ASSERT_TRUE(items[i].status.ok());
    EXPECT_EQ(result(items[i]), i % 2 == 0 ? std::vector<float>{} : std::vector<float>({7, 8}));
    EXPECT_EQ(items[i].work.outputs[0].result.view.shape, (Shape{i % 2 == 0 ? 0 : 1, 2}));
  }
}

TEST_F(BatchingTest, ABatchThatComesBackWithOtherRowsRunsAgainOneByOneAndNeverAgainTogether) {
  open(keeping_model(true), always());
  model->hold();
  scheduler->submit(item(5));
  model->wait_for_started(1);
  for (const float first : {1.0F, -1.0F, 2.0F, 3.0F}) scheduler->submit(item(first));
  model->release();
  ASSERT_TRUE(wait_for(5));
  EXPECT_EQ(model->runs(), 6) << "one, the batch, and its four items";
  const std::vector<std::vector<float>> expected{{5, 6}, {1, 2}, {}, {2, 3}, {3, 4}};
  for (std::size_t i = 0; i < items.size(); ++i) {
    ASSERT_TRUE(items[i].status.ok()) << items[i].status.to_string();
    EXPECT_EQ(result(items[i]), expected[i]) << i;
  }
  model->reset_counts();
  model->hold();
  for (int i = 0; i < 5; ++i) scheduler->submit(item(9));
  model->release();
  ASSERT_TRUE(wait_for(10));
  EXPECT_EQ(model->runs(), 5);
}

TEST_F(BatchingTest, ALoneRunWithFewerRowsThanExpectedGivesNothingOfAnEarlierOne) {
  open(keeping_model(true), always());
  scheduler->submit(item(5, 3));
  ASSERT_TRUE(wait_for(1));
  EXPECT_EQ(result(items[0]), (std::vector<float>{5, 6, 7, 8, 9, 10}));
  items[0].work.outputs[0].result = {};  // its buffer goes back to the pool
  scheduler->submit(item(-3, 3));
  ASSERT_TRUE(wait_for(2));
  EXPECT_EQ(result(items[1]), (std::vector<float>{1, 2}));
  EXPECT_EQ(items[1].work.outputs[0].result.view.shape, (Shape{1, 2}));
}

TEST_F(BatchingTest, ThatARunEndedBatchingIsKnownAtTheNextStart) {
  const test::TemporaryFolder folder;
  const auto notes = std::make_shared<BatchNotes>(folder.path(), "keeping model", Log());
  open(keeping_model(true), always(), {}, notes);
  EXPECT_GT(scheduler->usage(0)->batching.sizes.size(), 1U) << "with made-up inputs nothing is seen";
  scheduler->submit(item(-3, 3));
  ASSERT_TRUE(wait_for(1));
  scheduler.reset();
  open(keeping_model(true), always(), {}, notes);
  const auto batching = scheduler->usage(0)->batching;
  EXPECT_EQ(batching.sizes, std::vector<std::uint32_t>{1});
  EXPECT_FALSE(batching.any_size) << "nor are its outputs' places chosen before a run";
}

TEST_F(BatchingTest, AnItemWithoutRowsRunsAlone) {
  open(adder(open_batch(2)), always());
  model->hold();
  scheduler->submit(item(0));
  model->wait_for_started(1);
  for (const std::uint32_t rows : {1U, 0U, 1U}) {
    auto& made = item(10, rows);
    made.work.items = 1;  // as it is counted
    scheduler->submit(made);
  }
  model->release();
  ASSERT_TRUE(wait_for(4));
  expect_answers();
  EXPECT_EQ(items[2].batch_size, 1u);
}

TEST_F(BatchingTest, ItemsWhoseInputsHaveUnequalRowsRunAlone) {
  ModelSignature signature = test::add_signature(open_batch(2));
  signature.inputs.push_back({"c", DataType::kFp32, open_batch(2), ""});
  open(std::make_shared<test::FakeModel>(signature, test::add_kernel(1.0F)), always());
  model->hold();
  auto& first = item(0);
  first.work.inputs.push_back(first.work.inputs[0]);
  scheduler->submit(first);
  model->wait_for_started(1);
  for (int i = 0; i < 2; ++i) {
    auto& longer = item(10, 2);
    auto& shorter = item(20);
    longer.work.inputs.push_back(shorter.work.inputs[0]);
    shorter.work.inputs.push_back(longer.work.inputs[0]);
    scheduler->submit(longer);
    scheduler->submit(shorter);
  }
  model->release();
  ASSERT_TRUE(wait_for(5));
  expect_answers();
  for (const auto& each : items) EXPECT_EQ(each.batch_size, 1u);
}

TEST_F(BatchingTest, ItemsThatChangeEachOtherAreNotBatched) {
  const auto mixes = [](const std::vector<TensorView>& in, std::vector<Tensor>& out) -> Status {
    auto status = test::add_kernel(0)(in, out);
    auto* values = reinterpret_cast<float*>(out[0].view.data);
    const auto count = out[0].view.bytes / sizeof(float);
    float sum = 0;
    for (std::size_t i = 0; i < count; ++i) sum += values[i];
    for (std::size_t i = 0; i < count; ++i) values[i] += sum;
    return status;
  };
  open(std::make_shared<test::FakeModel>(test::add_signature(open_batch(2)), mixes), always());
  model->hold();
  for (int i = 0; i < 6; ++i) scheduler->submit(item(1));
  model->release();
  ASSERT_TRUE(wait_for(6));
  EXPECT_EQ(model->runs(), 6);
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
TEST_F(BatchingTest, AutoKeepsSizesThatPay) {
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

TEST_F(BatchingTest, AutoTurnsItselfOffWhereItDoesNotPay) {
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
TEST_F(BatchingTest, ADisturbedReadingDoesNotMakeAFastModelWorthMeasuring) {
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

TEST_F(BatchingTest, BatchesAreAsLargeAsTheDevicesMemoryTakes) {
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

TEST_F(BatchingTest, WhyWhatWasAskedForIsNotDoneIsTold) {
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

TEST_F(BatchingTest, FirstRunsAndMeasuringAreToldApart) {
  BatchingOptions options;
  options.max_items = 2;
  options.probe_limit = milliseconds(100);
  open(slow_model(milliseconds(2), Duration::zero()), options);
  const auto usage = scheduler->usage(0);
  EXPECT_GT(usage->warm_up, Duration::zero());
  EXPECT_GE(usage->measuring, milliseconds(12)) << "two sizes, three rounds, a run of 2 ms at least in each";
}

TEST_F(BatchingTest, AModelThatTakesTooLongDoesNotHoldUpLoading) {
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

TEST_F(BatchingTest, MaxDelayEndsWhenNobodyCame) {
  auto options = always();
  options.max_delay = milliseconds(50);
  options.preferred_sizes = {3};
  open(adder(open_batch(2)), options);
  const auto begun = Clock::now();
  scheduler->submit(item(0));
  ASSERT_TRUE(wait_for(1));
  EXPECT_GE(Clock::now() - begun, milliseconds(50));
}

TEST_F(BatchingTest, ThePreferredSizeDoesNotWaitForTheMaxDelay) {
  auto options = always();
  options.max_delay = std::chrono::hours(1);
  options.preferred_sizes = {3};
  open(adder(open_batch(2)), options);
  for (int i = 0; i < 3; ++i) scheduler->submit(item(1));
  ASSERT_TRUE(wait_for(3));
  EXPECT_EQ(items[2].batch_size, 3u);
}

TEST(SyntheticBatch, ItemsAreTheSameAloneAndInCompanyAndDiffer) {
  const auto signature = test::add_signature(open_batch(16));
  const SyntheticBatch four(signature, 4, true);
  const SyntheticBatch one(signature, 1, true);
  EXPECT_EQ(relative_difference(four.item(0)[0], one.inputs()[0]), 0.0);
  EXPECT_GT(relative_difference(four.item(0)[0], four.item(3)[0]), 0.1);
  EXPECT_EQ(four.inputs()[0].shape, (Shape{4, 16}));
}

}  // namespace
}  // namespace ocelli::scheduling
