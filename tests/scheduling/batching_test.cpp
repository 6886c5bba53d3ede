// Requests that wait together run together: slices, places, neighbours, delays.
#include "scheduling/batching_fixture.hpp"
#include "support/eventually.hpp"

namespace ocelli::scheduling {
namespace {

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

// An hour would pass.
TEST_F(BatchingTest, WhatCannotBePutTogetherDoesNotWaitForCompany) {
  auto options = always();
  options.max_delay = std::chrono::hours(1);
  open(adder(open_batch(2)), options);
  scheduler->submit(item(0, 8));
  ASSERT_TRUE(wait_for(1)) << "as many rows as a batch may have";
  scheduler->submit(item(0, 9));
  ASSERT_TRUE(wait_for(2));
  scheduler->submit(item(0, 3));
  scheduler->submit(item(10, 5));
  ASSERT_TRUE(wait_for(4)) << "both together are a whole batch";
  EXPECT_EQ(items[3].batch_size, 2u);
  auto& alone = item(20, 2);
  alone.work.items = 1;  // its inputs' first extent is not a batch
  scheduler->submit(alone);
  ASSERT_TRUE(wait_for(5));
}

TEST_F(BatchingTest, ARequestWaitsForCompanyOnlyAsLongAsItsDeadlineAllows) {
  auto options = always();
  options.max_delay = std::chrono::hours(1);
  open(adder(open_batch(2)), options);
  auto& hurried = item(0);
  hurried.deadline = Clock::now() + std::chrono::seconds(2);
  auto& patient = item(10);
  patient.priority = 1;  // the queue's head
  scheduler->submit(hurried);
  scheduler->submit(patient);
  ASSERT_TRUE(wait_for(2));
  EXPECT_EQ(patient.batch_size, 2u);
  expect_answers();
}

// While a batch runs, only the latest of its deadlines is watched.
TEST_F(BatchingTest, ARequestThatIsPutBackStillEndsAtItsDeadline) {
  std::atomic<bool> broken{false};
  const auto kernel = [&](const std::vector<TensorView>& in, std::vector<Tensor>& out) -> Status {
    return broken ? unavailable("device lost") : test::add_kernel(1)(in, out);
  };
  struct Nobody final : DeviceWatch {
    void on_device_out(std::size_t, const Status&) noexcept override {}
    void on_device_limited(std::size_t, std::uint32_t, const Status&) noexcept override {}
    void on_device_unbatched(std::size_t, std::function<void()>) noexcept override {}
  } watch;
  watched = &watch;
  open(std::make_shared<test::FakeModel>(test::add_signature(open_batch(2)), kernel), always());
  scheduler->expect_device(true);
  model->hold();
  scheduler->submit(item(0));
  model->wait_for_started(1);
  auto& hurried = item(10);
  auto& patient = item(20);
  hurried.deadline = Clock::now() + milliseconds(100);
  scheduler->submit(hurried);
  scheduler->submit(patient);
  model->release_some(1);
  model->wait_for_started(2);  // both
  ASSERT_TRUE(test::eventually([&] { return Clock::now() > hurried.deadline + milliseconds(20); }));
  broken = true;
  model->release();
  ASSERT_TRUE(wait_for(2));
  EXPECT_EQ(hurried.status.code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(scheduler->waiting(), 1U) << "the other one has time";
  scheduler.reset();
}

}  // namespace
}  // namespace ocelli::scheduling
