// Models whose rows hang on the data, or on each other: nobody gets another request's rows.
#include "repository/temporary_folder.hpp"
#include "scheduling/batching_fixture.hpp"

namespace ocelli::scheduling {
namespace {

using BatchingRowsTest = BatchingTest;

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

TEST_F(BatchingRowsTest, AModelWhoseRowsMayHangOnTheDataIsNeverBatched) {
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

TEST_F(BatchingRowsTest, ABatchThatComesBackWithOtherRowsRunsAgainOneByOneAndNeverAgainTogether) {
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

TEST_F(BatchingRowsTest, ALoneRunWithFewerRowsThanExpectedGivesNothingOfAnEarlierOne) {
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

TEST_F(BatchingRowsTest, ThatARunEndedBatchingIsKnownAtTheNextStart) {
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

TEST_F(BatchingRowsTest, AnItemWithoutRowsRunsAlone) {
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

TEST_F(BatchingRowsTest, ItemsWhoseInputsHaveUnequalRowsRunAlone) {
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

TEST_F(BatchingRowsTest, ItemsThatChangeEachOtherAreNotBatched) {
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

}  // namespace
}  // namespace ocelli::scheduling
