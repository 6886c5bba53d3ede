#include "repository/reshaping_servable.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <thread>

#include "repository/fake_factory.hpp"
#include "tensor/string_tensor.hpp"

namespace ocelli::repository {
namespace {

using serving::InferenceCall;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Makes models of any fixed shape (batches 13 and 14 excepted) that answer with their own shape.
class ShapeFactory final : public ServableFactory {
 public:
  Result<std::shared_ptr<serving::Servable>> load_model(const ModelLoad& load) override {
    std::unique_lock lock(mutex_);
    PartialShape shape = first_shape;
    if (const auto given = load.options.shapes.find("tensor"); given != load.options.shapes.end())
      shape = given->second;
    if (load.options.batch) shape.dims[0] = *load.options.batch;
    compiled.push_back(shape.to_string());
    changed.notify_all();
    changed.wait(lock, [this] { return !held; });
    if (shape.dims[0] == Dimension::fixed(13)) return internal_error("unlucky");
    if (shape.dims[0] == Dimension::fixed(14)) return Status(StatusCode::kResourceExhausted, "no memory");
    serving::ServableMetadata metadata;
    metadata.name = "m";
    metadata.inputs = {{"x", type, shape, layout}};
    if (has_second) metadata.inputs.push_back({"z", DataType::kInt32, PartialShape{{shape.dims[0]}, true}, "N"});
    metadata.outputs = {{"y", DataType::kFp32, shape, "NC"}};
    ExecutionInfo info;
    info.note = "compiled for " + shape.to_string();
    metadata.devices = serving::DeviceBoard::of({info});
    auto servable = std::make_shared<test::FakeServable>(
        metadata, [shape, name = std::make_shared<std::string>("y")](InferenceCall& call) {
          if (!shape.accepts(call.inputs[0].tensor.view.shape)) {
            call.status = invalid_argument("Invalid input shape");
            return;
          }
          call.outputs.push_back({*name, call.inputs[0].tensor, false});
          call.batch_size = static_cast<std::uint32_t>(shape.dims[0].min);
        });
    servable->hold_calls = hold_calls;
    last_ = servable;
    return std::shared_ptr<serving::Servable>(servable);
  }
  void set_held(bool value) {
    const std::lock_guard lock(mutex_);
    held = value;
    changed.notify_all();
  }
  std::weak_ptr<test::FakeServable> last() {
    const std::lock_guard lock(mutex_);
    return last_;
  }
  bool wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed.wait_for(lock, test::kSoon, [&] { return compiled.size() >= count; });
  }

  // What it makes models of.
  PartialShape first_shape = PartialShape::from({1, 4});
  DataType type = DataType::kFp32;
  std::string layout = "NC";
  bool has_second = false;  // an input z with one number for each item of the batch

  std::vector<std::string> compiled;
  bool held = false;
  bool hold_calls = false;

 private:
  std::mutex mutex_;
  std::condition_variable changed;
  std::weak_ptr<test::FakeServable> last_;
};

// One request and its end.
class Caller final : public serving::CallCompletion {
 public:
  Caller(serving::ServableHandle servable, const Shape& shape) {
    const std::vector<float> values(shape.element_count().value_or(0), 1.F);
    call.servable = std::move(servable);
    call.completion = this;
    call.inputs.push_back(
        {"x", test::make_tensor(DataType::kFp32, shape, values.data(), values.size() * sizeof(float))});
  }
  void on_call_done(InferenceCall&) noexcept override {
    const std::lock_guard lock(mutex_);
    ++times;
    done_.notify_all();
  }
  Caller& send() {
    call.servable->infer(call);
    return *this;
  }
  Status wait() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(done_.wait_for(lock, test::kSoon, [this] { return times > 0; }));
    EXPECT_EQ(times, 1);
    return call.status;
  }
  bool told() {
    const std::lock_guard lock(mutex_);
    return times > 0;
  }

  InferenceCall call;

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  int times = 0;
};

class ReshapingServableTest : public ::testing::Test {
 protected:
  std::shared_ptr<ReshapingServable> make(bool shape) {
    ModelLoad load;
    load.config.name = "m";
    load.mapping.inputs["tensor"] = "x";
    load.metrics = std::make_shared<observability::ServableMetrics>();
    if (shape) {
      load.config.shapes[""] = {true, {}};
    } else {
      load.config.batch.kind = BatchParameter::Kind::kAuto;
    }
    auto first = factory_->load_model(load);
    return std::make_shared<ReshapingServable>(factory_, load, *first, Log());
  }
  std::shared_ptr<ShapeFactory> factory_ = std::make_shared<ShapeFactory>();
};

TEST_F(ReshapingServableTest, FollowsTheShapeOfTheRequest) {
  const auto servable = make(true);
  for (const Shape& shape : {Shape{1, 4}, Shape{2, 8}, Shape{2, 8}, Shape{1, 4}}) {
    Caller caller(servable, shape);
    ASSERT_TRUE(caller.send().wait().ok()) << caller.call.status.to_string();
    EXPECT_EQ(caller.call.outputs.at(0).tensor.view.shape, shape);
    EXPECT_EQ(caller.call.outputs.at(0).name.data(), servable->metadata().outputs[0].name.data())
        << "the name must outlive the model that ran";
    EXPECT_EQ(caller.call.completion, &caller);
  }
  EXPECT_THAT(factory_->compiled, ElementsAre("(1,4)", "(2,8)", "(1,4)"));
}

TEST_F(ReshapingServableTest, ShowsWhatIsLoadedNow) {
  const auto servable = make(true);
  const auto shown = [&] {
    const auto metadata = servable->current_metadata();
    return metadata.inputs.at(0).shape.to_string() + metadata.outputs.at(0).shape.to_string();
  };
  EXPECT_EQ(shown(), "(1,4)(1,4)");
  Caller larger(servable, {2, 8});
  ASSERT_TRUE(larger.send().wait().ok());
  EXPECT_EQ(shown(), "(2,8)(2,8)");
  Caller unlucky(servable, {13, 4});
  EXPECT_FALSE(unlucky.send().wait().ok());
  EXPECT_EQ(shown(), "(2,8)(2,8)") << "it stayed as it was";
}

TEST_F(ReshapingServableTest, TheBoardThatMetricsKeepFollowsTheModel) {
  auto servable = make(true);
  const auto board = servable->metadata().devices;
  EXPECT_EQ(board->reports().at(0).info.note, "compiled for (1,4)");
  Caller larger(servable, {2, 8});
  ASSERT_TRUE(larger.send().wait().ok());
  EXPECT_EQ(board->reports().at(0).info.note, "compiled for (2,8)");
  EXPECT_EQ(servable->current_metadata().device_reports().at(0).info.note, "compiled for (2,8)");
  larger.call.servable.reset();
  servable.reset();
  EXPECT_EQ(board->reports().size(), 1U) << "the page may still ask";
}

TEST_F(ReshapingServableTest, AutomaticBatchChangesOnlyTheBatch) {
  const auto servable = make(false);
  Caller larger(servable, {5, 4});
  EXPECT_TRUE(larger.send().wait().ok());
  EXPECT_EQ(larger.call.batch_size, 5U);
  Caller wider(servable, {5, 8});
  EXPECT_EQ(wider.send().wait().to_string(),
            "INVALID_ARGUMENT: Invalid input shape - Expected: (5,4); Actual: (5,8); input name: x");
  Caller another(servable, {7, 8});
  EXPECT_EQ(another.send().wait().to_string(),
            "INVALID_ARGUMENT: Invalid input shape - Expected: (7,4); Actual: (7,8); input name: x")
      << "any batch would do, so the batch is not the reason";
  Caller flat(servable, {4});
  EXPECT_THAT(flat.send().wait().to_string(), HasSubstr("INVALID_ARGUMENT"));
  EXPECT_THAT(factory_->compiled, ElementsAre("(1,4)", "(5,4)"));
}

TEST_F(ReshapingServableTest, WhatCannotBeTakenIsToldAndHarmsNobody) {
  const auto servable = make(false);
  Caller unlucky(servable, {13, 4});
  const Status status = unlucky.send().wait();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(), "Model could not be reshaped with requested shape - unlucky");
  Caller usual(servable, {1, 4});
  EXPECT_TRUE(usual.send().wait().ok());
}

TEST_F(ReshapingServableTest, WhatWasRefusedIsNotTriedAgainAtOnce) {
  const auto servable = make(false);
  for (int i = 0; i < 3; ++i) {
    Caller unlucky(servable, {13, 4});
    EXPECT_EQ(unlucky.send().wait().message(), "Model could not be reshaped with requested shape - unlucky");
  }
  Caller other(servable, {2, 4});
  EXPECT_TRUE(other.send().wait().ok());
  EXPECT_THAT(factory_->compiled, ElementsAre("(1,4)", "(13,4)", "(2,4)"));
}

TEST_F(ReshapingServableTest, WhatIsMissingNowMayBeThereTheNextTime) {
  const auto servable = make(false);
  for (int i = 0; i < 2; ++i) {
    Caller hungry(servable, {14, 4});
    EXPECT_EQ(hungry.send().wait().message(), "Model could not be reshaped with requested shape - no memory");
  }
  EXPECT_THAT(factory_->compiled, ElementsAre("(1,4)", "(14,4)", "(14,4)"));
}

TEST_F(ReshapingServableTest, LyingLengthsAreNotCompiledFor) {
  const auto servable = make(true);
  Caller liar(servable, {1, 4});
  liar.call.inputs[0].tensor.view.shape = Shape{1000000, 1000000};
  EXPECT_EQ(liar.send().wait().code(), StatusCode::kInvalidArgument);
  Caller empty(servable, {0, 4});
  EXPECT_EQ(empty.send().wait().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(factory_->compiled.size(), 1U);
}

TEST_F(ReshapingServableTest, WrongValuesAreToldAndNotCompiledFor) {
  for (const bool any_shape : {true, false}) {
    const auto servable = make(any_shape);
    const auto before = factory_->compiled;
    Caller wrong(servable, {5, 4});
    wrong.call.inputs[0].tensor.view.bytes = 0;
    wrong.call.inputs[0].fault = invalid_argument("too few values");
    EXPECT_EQ(wrong.send().wait().message(), "too few values");
    EXPECT_EQ(factory_->compiled, before);
  }
}

// A request of a few bytes must not make the server compile for as many items as it claims.
TEST_F(ReshapingServableTest, StringsAreNotCompiledForUnlessTheyAreThere) {
  const auto ask = [](const auto& servable, std::int64_t count, const std::vector<std::string_view>& texts) {
    Caller caller(servable, {1, 4});
    std::vector<std::byte> packed(packed_size(texts));
    pack_strings(texts, packed.data());
    caller.call.inputs[0].tensor = test::make_tensor(DataType::kString, {count}, packed.data(), packed.size());
    const Status status = caller.send().wait();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  for (const bool any_shape : {true, false}) {
    const auto numbers = make(any_shape);
    EXPECT_EQ(ask(numbers, 150000, {"a"}), "Invalid input precision - Expected: FP32; Actual: STRING; input name: x");

    factory_->first_shape = PartialShape::from({1, 3, 224, 224});
    factory_->layout = "NCHW";
    const auto pictures = make(any_shape);
    EXPECT_THAT(ask(pictures, 1000, {"a"}), HasSubstr("Expected: 1000 elements"));
    EXPECT_THAT(ask(pictures, 2, {"BM", "a"}), HasSubstr("not a picture that can be read: 1 bytes"));
    const std::vector<std::string_view> many(2000, "BM");
    EXPECT_EQ(
        ask(pictures, 2000, many),
        "Binary input images are too large - Limit: 1073741824 bytes; Actual: 2000 x 602112 bytes; input name: x");
    EXPECT_THAT(ask(pictures, 0, {}), HasSubstr("Invalid input batch size - Expected: 1; Actual: 0"));

    factory_->first_shape = PartialShape::from({1, 1 << 20});
    factory_->type = DataType::kUint8;
    factory_->layout = "NC";
    EXPECT_THAT(ask(make(any_shape), 2000, many), HasSubstr("String tensor is too large as an array"));

    factory_->first_shape = PartialShape::from({1});
    factory_->type = DataType::kString;
    factory_->layout = "N";
    EXPECT_THAT(ask(make(any_shape), 150000, {"a"}), HasSubstr("Expected: 150000 values; Actual: 1 values"));
    EXPECT_EQ(factory_->compiled.size(), 4U) << "each model once";
    factory_ = std::make_shared<ShapeFactory>();
  }
}

TEST_F(ReshapingServableTest, PicturesAreCompiledForByTheirNumber) {
  factory_->first_shape = PartialShape::from({1, 3, 8, 8});
  factory_->layout = "NCHW";
  const auto servable = make(false);
  Caller caller(servable, {1, 4});
  const std::vector<std::string_view> pictures(5, "BM");
  std::vector<std::byte> packed(packed_size(pictures));
  pack_strings(pictures, packed.data());
  caller.call.inputs[0].tensor = test::make_tensor(DataType::kString, {5}, packed.data(), packed.size());
  (void)caller.send().wait();
  EXPECT_THAT(factory_->compiled, ElementsAre("(1,3,8,8)", "(5,3,8,8)"));
}

TEST_F(ReshapingServableTest, TheInputThatIsWrongIsTheOneThatIsTold) {
  factory_->has_second = true;
  const auto servable = make(false);
  const auto ask = [&](DataType type, std::int64_t count) {
    Caller caller(servable, {2, 4});
    const std::vector<std::int32_t> values(static_cast<std::size_t>(count));
    caller.call.inputs.push_back({"z", test::make_tensor(type, {count}, values.data(), values.size() * 4)});
    return caller.send().wait().to_string();
  };
  EXPECT_EQ(ask(DataType::kFp32, 2),
            "INVALID_ARGUMENT: Invalid input precision - Expected: INT32; Actual: FP32; input name: z");
  EXPECT_EQ(ask(DataType::kInt32, 3),
            "INVALID_ARGUMENT: Invalid input batch size - Expected: 2; Actual: 3; input name: z");
  EXPECT_EQ(ask(DataType::kInt32, 2), "OK");
  Caller alone(servable, {2, 4});
  EXPECT_EQ(alone.send().wait().message(), "Invalid number of inputs - Expected: 2; Actual: 1");
  EXPECT_THAT(factory_->compiled, ElementsAre("(1,4)", "(2,4)"));
}

TEST_F(ReshapingServableTest, OthersRunWhileOneIsCompiledFor) {
  const auto servable = make(true);
  factory_->set_held(true);
  Caller slow(servable, {3, 4});
  Caller next(servable, {3, 4});
  slow.send();
  ASSERT_TRUE(factory_->wait_for(2));
  next.send();
  Caller quick(servable, {1, 4});
  EXPECT_TRUE(quick.send().wait().ok());
  EXPECT_FALSE(slow.told());
  factory_->set_held(false);
  EXPECT_TRUE(slow.wait().ok());
  EXPECT_TRUE(next.wait().ok());
  EXPECT_THAT(factory_->compiled, ElementsAre("(1,4)", "(3,4)")) << "compiled once for both";
}

TEST_F(ReshapingServableTest, CancelsWaitingAndRunningCalls) {
  factory_->hold_calls = true;
  const auto servable = make(true);
  const auto first = factory_->last().lock();
  factory_->set_held(true);
  Caller compiling(servable, {3, 4});
  Caller waiting(servable, {5, 4});
  compiling.send();
  ASSERT_TRUE(factory_->wait_for(2));
  waiting.send();
  waiting.call.servable->cancel(waiting.call);
  EXPECT_EQ(waiting.wait().code(), StatusCode::kCancelled);
  Caller running(servable, {1, 4});
  running.send();
  EXPECT_FALSE(running.told());
  running.call.servable->cancel(running.call);
  EXPECT_EQ(running.wait().code(), StatusCode::kCancelled);
  EXPECT_EQ(first->cancels(), 1);
  factory_->set_held(false);
  EXPECT_TRUE(test::eventually([&] {
    const auto last = factory_->last().lock();
    return last && last != first && last->release_one();
  }));
  EXPECT_TRUE(compiling.wait().ok());
}

TEST_F(ReshapingServableTest, WaitingEndsAtTheDeadlineAlsoForWhatIsCompiledFor) {
  const auto servable = make(true);
  factory_->set_held(true);
  Caller compiling(servable, {3, 4});
  Caller waiting(servable, {5, 4});
  Caller patient(servable, {3, 4});
  compiling.call.deadline = waiting.call.deadline = Clock::now() + std::chrono::milliseconds(30);
  compiling.send();
  ASSERT_TRUE(factory_->wait_for(2));
  waiting.send();
  patient.send();
  EXPECT_EQ(compiling.wait().code(), StatusCode::kDeadlineExceeded) << "although the compilation goes on";
  EXPECT_EQ(waiting.wait().code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(servable->metrics().stat_fail.count.load(), 2u);
  factory_->set_held(false);
  EXPECT_TRUE(patient.wait().ok());
  EXPECT_THAT(factory_->compiled, ElementsAre("(1,4)", "(3,4)")) << "what was compiled serves others";
}

TEST_F(ReshapingServableTest, WhatIsCompiledForMayBeCancelled) {
  const auto servable = make(true);
  factory_->set_held(true);
  Caller compiling(servable, {13, 4});
  compiling.send();
  ASSERT_TRUE(factory_->wait_for(2));
  compiling.call.servable->cancel(compiling.call);
  EXPECT_EQ(compiling.wait().code(), StatusCode::kCancelled);
  Caller next(servable, {2, 4});
  next.send();
  factory_->set_held(false);
  EXPECT_TRUE(next.wait().ok()) << "the failure of the other's compilation is not its own";
}

TEST_F(ReshapingServableTest, TheModelBeforeIsGivenBack) {
  const auto servable = make(true);
  const auto first = factory_->last();
  Caller other(servable, {2, 4});
  EXPECT_TRUE(other.send().wait().ok());
  EXPECT_TRUE(test::eventually([&] { return first.expired(); }));
}

TEST_F(ReshapingServableTest, ManyCallersOfManyShapes) {
  const auto servable = make(true);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int j = 0; j < 100; ++j) {
        const Shape shape{1 + (i + j) % 3, 4};
        Caller caller(servable, shape);
        if (!caller.send().wait().ok() || caller.call.outputs.at(0).tensor.view.shape != shape) ++wrong;
      }
    });
  }
  // Somebody asks meanwhile what is loaded.
  std::atomic<bool> over{false};
  std::thread reader([&] {
    while (!over) {
      const auto metadata = servable->current_metadata();
      if (metadata.inputs.at(0).shape != metadata.outputs.at(0).shape) ++wrong;
    }
  });
  for (auto& thread : threads) thread.join();
  over = true;
  reader.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace ocelli::repository
