#include "serving/inference_call.hpp"

#include <gtest/gtest.h>

#include "support/fake_catalog.hpp"

namespace ocelli::serving {
namespace {

struct Waiter final : CallCompletion {
  void on_call_done(InferenceCall&) noexcept override { ++done; }
  int done = 0;
};

TEST(InferenceCall, ClearForgetsTheRequestButKeepsTheRoom) {
  auto model = test::make_dummy();
  Waiter waiter;
  InferenceCall call;
  const float values[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  call.inputs.push_back({"b", test::make_tensor(DataType::kFp32, {1, 10}, values, sizeof values)});
  call.completion = &waiter;
  call.servable = model;
  call.priority = 3;
  model->infer(call);
  ASSERT_EQ(waiter.done, 1);
  ASSERT_TRUE(call.status.ok());
  ASSERT_EQ(call.outputs.size(), 1u);
  EXPECT_EQ(reinterpret_cast<const float*>(call.outputs[0].tensor.view.data)[9], 10.0F);

  const auto room = call.inputs.capacity();
  call.clear();
  EXPECT_FALSE(call.servable);
  EXPECT_TRUE(call.inputs.empty());
  EXPECT_TRUE(call.outputs.empty());
  EXPECT_EQ(call.priority, 0);
  EXPECT_EQ(call.deadline, kNever);
  EXPECT_EQ(call.inputs.capacity(), room);
  EXPECT_EQ(model.use_count(), 1) << "the model may be unloaded now";
}

}  // namespace
}  // namespace ocelli::serving
