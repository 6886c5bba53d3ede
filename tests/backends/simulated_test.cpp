// The simulated backend as the tests of other modules use it: through its module.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include <array>
#include <filesystem>
#include <fstream>

#include "base/clock.hpp"
#include "runtime/backend_module.hpp"
#include "support/run_waiter.hpp"

namespace ocelli {
namespace {

using ::testing::HasSubstr;
using testing::RunWaiter;

constexpr const char* kSignature =
    R"("signature":{"inputs":[{"name":"x","type":"FP32","shape":[-1,4]}],"outputs":[{"name":"y","type":"FP32","shape":[-1,2]}]})";

std::string settings(const std::string& device) {
  return R"({"devices":[{"name":"SIM.0")" + device + "}]," + kSignature + "}";
}

class SimulatedBackend : public ::testing::Test {
 protected:
  void load(const std::string& text) {
    BackendContext context;
    context.settings = text;
    auto loaded = load_backend(default_backend_folder(), "simulated", context);
    ASSERT_TRUE(loaded.ok()) << loaded.status().to_string();
    runtime_ = *loaded;
  }

  Result<std::unique_ptr<CompiledModel>> compile(const std::string& device = "SIM.0") {
    CompileOptions options;
    options.device = device;
    return runtime_->compile({ModelFormat::kOnnx, "/"}, options);
  }

  void compile_and_create() {
    auto model = compile();
    ASSERT_TRUE(model.ok()) << model.status().to_string();
    model_ = std::move(*model);
    request_ = create();
  }

  std::unique_ptr<InferRequest> create() {
    auto request = model_->create_request();
    EXPECT_TRUE(request.ok());
    EXPECT_TRUE((*request)->set_input(0, input_view()).ok());
    return std::move(*request);
  }

  TensorView input_view() {
    return {DataType::kFp32, {2, 4}, reinterpret_cast<std::byte*>(input_.data()), sizeof(input_)};
  }

  std::array<float, 8> input_{1, 2, 3, 4, 5, 6, 7, 8};
  std::shared_ptr<Runtime> runtime_;
  std::unique_ptr<CompiledModel> model_;
  std::unique_ptr<InferRequest> request_;
};

TEST_F(SimulatedBackend, ListsOnlyTheDevicesThatWereAskedFor) {
  load("");
  EXPECT_TRUE(runtime_->devices().empty());
  EXPECT_EQ(compile().status().code(), StatusCode::kFailedPrecondition);
  load(settings(R"(,"kind":"gpu","memory_bytes":1000,"precision":"FP16")"));
  ASSERT_EQ(runtime_->devices().size(), 1U);
  EXPECT_EQ(runtime_->devices()[0].kind, "gpu");
  EXPECT_EQ(runtime_->devices()[0].memory_bytes, 1000U);
  EXPECT_THAT(std::string(compile("SIM.7").status().message()), HasSubstr("SIM.0"));
}

TEST_F(SimulatedBackend, AnswersEachRowFromItsOwnInputRow) {
  load(settings(""));
  compile_and_create();
  ASSERT_TRUE(request_->run().ok());
  auto output = request_->output(0);
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->shape, (Shape{2, 2}));
  const auto* values = reinterpret_cast<const float*>(output->data);
  EXPECT_THAT(std::vector<float>(values, values + 4), ::testing::ElementsAre(1, 2, 5, 6));
}

TEST_F(SimulatedBackend, InstantDeviceCompletesBeforeStartReturns) {
  load(settings(R"(,"mode":"instant")"));
  compile_and_create();
  std::array<float, 4> result{};
  ASSERT_TRUE(
      request_->set_output(0, {DataType::kFp32, {2, 2}, reinterpret_cast<std::byte*>(result.data()), sizeof(result)})
          .ok());
  RunWaiter waiter;
  request_->start(waiter);
  EXPECT_EQ(waiter.count(), 1);
  EXPECT_EQ(waiter.thread(), std::this_thread::get_id());
  EXPECT_THAT(result, ::testing::ElementsAre(1, 2, 5, 6));
}

TEST_F(SimulatedBackend, StreamsLimitWhatRunsAtOnceAndTimesAddUp) {
  load(settings(R"(,"service_time_us":20000,"per_item_time_us":5000,"streams":2)"));
  compile_and_create();
  EXPECT_EQ(model_->info().optimal_requests, 2U);
  std::vector<std::unique_ptr<InferRequest>> requests;
  for (int i = 0; i < 4; ++i) requests.push_back(create());
  RunWaiter waiter;
  const auto begin = Clock::now();
  for (auto& request : requests) request->start(waiter);
  ASSERT_TRUE(waiter.wait(4));
  // Two rounds of 20 + 2 x 5 ms.
  EXPECT_GE(Clock::now() - begin, std::chrono::milliseconds(60));
  EXPECT_NE(waiter.thread(), std::this_thread::get_id());
}

TEST_F(SimulatedBackend, CancelEndsRunningAndWaitingRunsEarlyAndOnce) {
  load(settings(R"(,"service_time_us":3600000000)"));
  compile_and_create();
  auto second = create();
  RunWaiter first_waiter;
  RunWaiter second_waiter;
  request_->start(first_waiter);
  second->start(second_waiter);
  second->cancel();
  ASSERT_TRUE(second_waiter.wait());
  EXPECT_EQ(second_waiter.status().code(), StatusCode::kCancelled);
  EXPECT_EQ(first_waiter.count(), 0);
  request_->cancel();
  request_->cancel();
  ASSERT_TRUE(first_waiter.wait());
  EXPECT_EQ(first_waiter.status().code(), StatusCode::kCancelled);
  EXPECT_EQ(first_waiter.count(), 1);
}

TEST_F(SimulatedBackend, DiesAfterSoManyRuns) {
  load(settings(R"(,"die_after_runs":2)"));
  compile_and_create();
  EXPECT_TRUE(request_->run().ok());
  EXPECT_TRUE(request_->run().ok());
  EXPECT_EQ(request_->run().code(), StatusCode::kUnavailable);
  EXPECT_FALSE(runtime_->devices()[0].usable);
  EXPECT_EQ(compile().status().code(), StatusCode::kUnavailable);
}

TEST_F(SimulatedBackend, ComesBackOnceWhenItsTimeIsOver) {
  load(settings(R"(,"die_after_runs":1,"lost_for_us":20000)"));
  compile_and_create();
  EXPECT_TRUE(request_->run().ok());
  EXPECT_EQ(request_->run().code(), StatusCode::kUnavailable);
  const auto end = Clock::now() + std::chrono::seconds(20);
  while (!runtime_->devices()[0].usable && Clock::now() < end) std::this_thread::yield();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(request_->run().ok()) << "it dies once only";
  EXPECT_TRUE(compile().ok());
}

TEST_F(SimulatedBackend, FailsRunsWithTheCodeAskedFor) {
  load(settings(R"(,"run_error":"no memory","run_error_code":"RESOURCE_EXHAUSTED","run_error_every":2)"));
  compile_and_create();
  EXPECT_TRUE(request_->run().ok());
  const Status status = request_->run();
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(), "no memory");
  EXPECT_TRUE(request_->run().ok());
}

TEST_F(SimulatedBackend, CompilingTakesItsTimeAndMayFail) {
  load(settings(R"(,"compile_time_us":30000,"compile_error":"unsupported operation")"));
  const auto begin = Clock::now();
  const Status status = compile().status();
  EXPECT_GE(Clock::now() - begin, std::chrono::milliseconds(30));
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(), "unsupported operation");
}

TEST_F(SimulatedBackend, MemoryIsTakenByModelsAndGivenBack) {
  load(settings(R"(,"memory_bytes":100,"model_bytes":60)"));
  auto first = compile();
  ASSERT_TRUE(first.ok());
  EXPECT_EQ((*first)->info().memory_bytes, 60U);
  EXPECT_EQ(compile().status().code(), StatusCode::kResourceExhausted);
  first->reset();
  EXPECT_TRUE(compile().ok());
}

TEST_F(SimulatedBackend, SignatureFileBesideTheModelComesFirst) {
  load(settings(""));
  const auto folder = std::filesystem::path(::testing::TempDir()) / "simulated_signature";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "model.onnx") << "anything";
  std::ofstream(folder / "simulated.json")
      << R"({"inputs":[{"name":"a","type":"BYTES","shape":["1:8"]}],"outputs":[{"name":"b","type":"BYTES","shape":[-1]}],"memory_bytes":7})";
  CompileOptions options;
  options.device = "SIM.0";
  auto model = runtime_->compile({ModelFormat::kTflite, folder / "model.onnx"}, options);
  ASSERT_TRUE(model.ok()) << model.status().to_string();
  EXPECT_EQ((*model)->signature().inputs[0].type, DataType::kString);
  EXPECT_EQ((*model)->signature().inputs[0].shape.to_string(), "(1:8)");
  EXPECT_EQ((*model)->info().memory_bytes, 7U);
  std::filesystem::remove_all(folder);
}

TEST_F(SimulatedBackend, WrongSettingsAreNamed) {
  for (const auto& [text, word] : std::vector<std::pair<std::string, std::string>>{
           {R"({"devices":[{"name":"A","speed":1}]})", "speed"},
           {R"({"devices":[{}]})", "name"},
           {R"({"devices":[{"name":"A","streams":-1}]})", "streams"},
           {R"({"devices":[{"name":"A","run_error_code":"OOPS"}]})", "OOPS"},
           {R"({"devices":3})", "devices"},
           {"{", "JSON"},
           {R"({"signature":{"inputs":[]}})", "inputs"}}) {
    BackendContext context;
    context.settings = text;
    const auto loaded = load_backend(default_backend_folder(), "simulated", context);
    ASSERT_FALSE(loaded.ok()) << text;
    EXPECT_THAT(std::string(loaded.status().message()), HasSubstr(word));
  }
}

}  // namespace
}  // namespace ocelli
