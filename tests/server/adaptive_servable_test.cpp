#include "server/adaptive_servable.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "support/fake_catalog.hpp"

namespace ocelli::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TensorSpec input_of(const Shape& shape) { return {"x", DataType::kFp32, PartialShape::from(shape), "N..."}; }

// A call whose end can be waited for.
class TestCall final : public serving::CallCompletion {
 public:
  TestCall(const serving::ServableHandle& servable, const Shape& shape) {
    call.servable = servable;
    call.completion = this;
    Tensor tensor;
    tensor.view = {DataType::kFp32, shape, nullptr, 0};
    call.inputs.push_back({"x", tensor});
  }
  void on_call_done(serving::InferenceCall&) noexcept override { done_.set_value(); }
  // The status, once it is there.
  Status wait() {
    EXPECT_EQ(done_future_.wait_for(std::chrono::seconds(20)), std::future_status::ready);
    return call.status;
  }
  [[nodiscard]] bool is_done() const {
    return done_future_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }

  serving::InferenceCall call;

 private:
  std::promise<void> done_;
  std::future<void> done_future_ = done_.get_future();
};

class AdaptiveServableTest : public testing::Test {
 protected:
  serving::ServableHandle make(repository::ModelLoad load) {
    auto made = AdaptiveServable::create(
        std::move(load), [this](const repository::ModelLoad& wanted) { return compile(wanted); }, 100, context_);
    EXPECT_TRUE(made.ok()) << made.status().to_string();
    return made.ok() ? *made : nullptr;
  }

  static repository::ModelLoad shape_auto() {
    repository::ModelLoad load;
    load.config.shapes["x"].automatic = true;
    return load;
  }
  static repository::ModelLoad batch_auto() {
    repository::ModelLoad load;
    load.config.batch.kind = repository::BatchParameter::Kind::kAuto;
    return load;
  }

  // A model that answers any call, under the extents that were asked for.
  Result<std::shared_ptr<serving::Servable>> compile(const repository::ModelLoad& load) {
    Shape shape{1, 10};
    if (const auto given = load.options.shapes.find("x"); given != load.options.shapes.end())
      shape = *given->second.static_shape();
    if (load.options.batch) shape[0] = load.options.batch->min;
    {
      std::unique_lock lock(mutex_);
      compiled_.push_back(shape.to_string());
      changed_.notify_all();
      changed_.wait(lock, [&] { return !hold_compilations_; });
    }
    if (shape[0] == 13) return failed_precondition("thirteen");
    serving::ServableMetadata metadata;
    metadata.name = "m";
    metadata.inputs.push_back(input_of(shape));
    auto fake = std::make_shared<test::FakeServable>(metadata, [shape](serving::InferenceCall& call) {
      if (!(call.inputs.front().tensor.view.shape == shape)) call.status = invalid_argument("Invalid input shape");
    });
    fake->hold_calls = hold_calls_;
    fakes_.push_back(fake);
    return std::shared_ptr<serving::Servable>(fake);
  }

  void hold_compilations(bool hold) {
    const std::lock_guard lock(mutex_);
    hold_compilations_ = hold;
    changed_.notify_all();
  }
  void wait_for_compilations(std::size_t count) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, std::chrono::seconds(20), [&] { return compiled_.size() >= count; }));
  }

  BufferPool pool_;
  serving::ServingContext context_{pool_, Log()};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> compiled_;
  std::vector<std::shared_ptr<test::FakeServable>> fakes_;
  bool hold_compilations_ = false;
  bool hold_calls_ = false;
};

TEST_F(AdaptiveServableTest, CompilesForNewExtentsOnceAndRemembersThem) {
  const auto servable = make(shape_auto());
  for (const auto& shape : {Shape{1, 10}, Shape{2, 10}, Shape{1, 12}, Shape{2, 10}, Shape{1, 10}}) {
    TestCall call(servable, shape);
    servable->infer(call.call);
    EXPECT_TRUE(call.wait().ok()) << shape.to_string() << call.call.status.to_string();
  }
  EXPECT_THAT(compiled_, ElementsAre("(1,10)", "(2,10)", "(1,12)"));
}

TEST_F(AdaptiveServableTest, KeepsOnlyTheLastFew) {
  const auto servable = make(shape_auto());
  for (std::int64_t extent = 1; extent <= 4; ++extent) {
    TestCall call(servable, Shape{extent, 10});
    servable->infer(call.call);
    EXPECT_TRUE(call.wait().ok());
  }
  fakes_.clear();
  TestCall again(servable, Shape{1, 10});
  servable->infer(again.call);
  EXPECT_TRUE(again.wait().ok());
  EXPECT_THAT(compiled_, ElementsAre("(1,10)", "(2,10)", "(3,10)", "(4,10)", "(1,10)"));
}

TEST_F(AdaptiveServableTest, AnAutomaticBatchChangesTheBatchOnly) {
  const auto servable = make(batch_auto());
  TestCall batch(servable, Shape{5, 10});
  servable->infer(batch.call);
  EXPECT_TRUE(batch.wait().ok());
  TestCall wrong(servable, Shape{5, 11});
  servable->infer(wrong.call);
  EXPECT_EQ(wrong.wait().message(), "Invalid input shape");
  EXPECT_THAT(compiled_, ElementsAre("(1,10)", "(5,10)"));
}

TEST_F(AdaptiveServableTest, WhatCannotBeCompiledFailsAloneWithOvmssText) {
  const auto servable = make(shape_auto());
  TestCall bad(servable, Shape{13, 10});
  servable->infer(bad.call);
  EXPECT_EQ(bad.wait().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(bad.call.status.message()), HasSubstr("Model could not be reshaped with requested shape"));
  TestCall good(servable, Shape{1, 10});
  servable->infer(good.call);
  EXPECT_TRUE(good.wait().ok());
}

TEST_F(AdaptiveServableTest, RequestsOfOneShapeWaitForOneCompilation) {
  const auto servable = make(shape_auto());
  hold_compilations(true);
  TestCall one(servable, Shape{2, 10});
  TestCall two(servable, Shape{2, 10});
  TestCall cancelled(servable, Shape{2, 10});
  servable->infer(one.call);
  servable->infer(two.call);
  servable->infer(cancelled.call);
  wait_for_compilations(2);
  EXPECT_FALSE(one.is_done());
  servable->cancel(cancelled.call);
  EXPECT_EQ(cancelled.wait().code(), StatusCode::kCancelled);
  TestCall known(servable, Shape{1, 10});  // is not held up by the compilation
  servable->infer(known.call);
  EXPECT_TRUE(known.wait().ok());
  hold_compilations(false);
  EXPECT_TRUE(one.wait().ok());
  EXPECT_TRUE(two.wait().ok());
  EXPECT_THAT(compiled_, ElementsAre("(1,10)", "(2,10)"));
}

TEST_F(AdaptiveServableTest, CancelReachesTheModelThatRunsTheCall) {
  hold_calls_ = true;
  const auto servable = make(shape_auto());
  TestCall call(servable, Shape{1, 10});
  servable->infer(call.call);
  servable->cancel(call.call);
  EXPECT_EQ(call.wait().code(), StatusCode::kCancelled);
  EXPECT_EQ(fakes_.front()->cancels(), 1);
}

TEST_F(AdaptiveServableTest, ACallOutlivesTheHandleAndItsGeneration) {
  hold_calls_ = true;
  auto servable = make(shape_auto());
  TestCall call(servable, Shape{1, 10});
  servable->infer(call.call);
  const auto fake = fakes_.front();
  servable.reset();
  EXPECT_TRUE(fake->release_one());
  EXPECT_TRUE(call.wait().ok());
  call.call.servable.reset();
}

TEST_F(AdaptiveServableTest, ManyThreadsAndShapes) {
  const auto servable = make(shape_auto());
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        TestCall call(servable, Shape{1 + (i + t) % 5, 10});
        servable->infer(call.call);
        if (i % 3 == 0) servable->cancel(call.call);
        const auto status = call.wait();
        EXPECT_TRUE(status.ok() || status.code() == StatusCode::kCancelled) << status.to_string();
      }
    });
  }
}

TEST_F(AdaptiveServableTest, ABatchNeedsInputsThatHaveOne) {
  auto load = batch_auto();
  const auto made = AdaptiveServable::create(
      load,
      [](const repository::ModelLoad&) -> Result<std::shared_ptr<serving::Servable>> {
        serving::ServableMetadata metadata;
        metadata.inputs.push_back(input_of(Shape{}));
        return std::shared_ptr<serving::Servable>(
            std::make_shared<test::FakeServable>(metadata, [](serving::InferenceCall&) {}));
      },
      100, context_);
  ASSERT_FALSE(made.ok());
  EXPECT_THAT(std::string(made.status().message()), HasSubstr("x is a scalar"));
}

}  // namespace
}  // namespace ocelli::server
