// Asynchronous runs, cancellation, many threads, compiles at once and memory given back.
#include <algorithm>
#include <atomic>
#include <thread>

#include "conformance/conformance_suite.hpp"
#include "support/resident_memory.hpp"
#include "support/sanitizers.hpp"

namespace ocelli::conformance {
namespace {

using test::resident_bytes;
using testing::RunWaiter;

// Starts the same request again from within its completion, until it has run often enough.
class Chain final : public InferCompletion {
 public:
  Chain(InferRequest& request, int runs) : request_(request), left_(runs) {}
  void on_infer_done(const Status& status) noexcept override {
    if (!status.ok()) failed_ = true;
    if (--left_ > 0 && status.ok()) {
      request_.start(*this);
      return;
    }
    done_.on_infer_done(status);
  }
  RunWaiter& done() { return done_; }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  InferRequest& request_;
  RunWaiter done_;
  std::atomic<int> left_;
  std::atomic<bool> failed_{false};
};

// Counts what it is told, and then stays a while, as one does that hands out large answers.
struct Told final : InferCompletion {
  void on_infer_done(const Status&) noexcept override {
    ++times;
    const auto until = Clock::now() + std::chrono::milliseconds(1);
    while (Clock::now() < until) std::this_thread::yield();
  }
  std::atomic<int> times{0};
};

// One value everywhere, of the shape that the model was generated with.
HostTensor slow_tensor(const CompiledModel& model, float value) {
  const auto shape = model.signature().inputs.front().shape.static_shape().value_or(Shape{});
  return HostTensor::floats(shape, std::vector<float>(shape.element_count().value_or(0), value));
}

}  // namespace

TEST_P(BackendConformance, StartedRunCompletesOnceOnAnotherThread) {
  auto model = compile("row");
  ASSERT_NE(model, nullptr);
  auto request = request_of(*model);
  auto input = HostTensor::floats({1, 64}, std::vector<float>(64, 3));
  ASSERT_TRUE(request->set_input(0, input.view()).ok());
  RunWaiter waiter;
  request->start(waiter);
  ASSERT_TRUE(waiter.wait());
  EXPECT_TRUE(waiter.status().ok()) << waiter.status().to_string();
  EXPECT_NE(waiter.thread(), std::this_thread::get_id());
  EXPECT_EQ(floats_of(*request->output(0)), std::vector<float>(64, 3));
  EXPECT_EQ(waiter.count(), 1);
}

TEST_P(BackendConformance, ARunMayBeStartedFromItsOwnCompletion) {
  auto model = compile("row");
  ASSERT_NE(model, nullptr);
  auto request = request_of(*model);
  auto input = HostTensor::floats({1, 64}, std::vector<float>(64, 3));
  ASSERT_TRUE(request->set_input(0, input.view()).ok());
  Chain chain(*request, 200);
  request->start(chain);
  ASSERT_TRUE(chain.done().wait());
  EXPECT_FALSE(chain.failed());
}

TEST_P(BackendConformance, CancelledRunEndsOnceAndTheRequestRunsAgain) {
  if (!GetParam().interrupts_runs) GTEST_SKIP() << "this runtime cannot interrupt a run that has begun";
  auto slow_options = options();
  if (!GetParam().reads_files) slow_options.device = "SIM.SLOW";
  auto compiled = runtime_->compile(source("slow"), slow_options);
  ASSERT_TRUE(compiled.ok()) << compiled.status().to_string();
  auto request = request_of(**compiled);
  auto input = slow_tensor(**compiled, 0.001F);
  ASSERT_TRUE(request->set_input(0, input.view()).ok());
  // The quickest of several of each: a machine that is busy elsewhere makes any single one slow.
  constexpr int kTries = 3;
  auto cancelled_after = Duration::max();
  for (int i = 0; i < kTries; ++i) {
    RunWaiter waiter;
    const auto begin = Clock::now();
    request->start(waiter);
    request->cancel();
    ASSERT_TRUE(waiter.wait());
    cancelled_after = std::min(cancelled_after, Clock::now() - begin);
    EXPECT_EQ(waiter.status().code(), StatusCode::kCancelled) << waiter.status().to_string();
    EXPECT_EQ(waiter.count(), 1);
    request->cancel();  // nothing runs: no effect
  }
  if (!GetParam().reads_files) return;
  auto whole = Duration::max();
  for (int i = 0; i < kTries; ++i) {
    const auto begin = Clock::now();
    const auto status = request->run();
    EXPECT_TRUE(status.ok()) << status.to_string();
    whole = std::min(whole, Clock::now() - begin);
  }
  EXPECT_LT(cancelled_after, whole);
}

TEST_P(BackendConformance, RunThatIsCancelledWhileItWaitsDoesNotBegin) {
  if (GetParam().interrupts_runs) GTEST_SKIP() << "this runtime interrupts runs that have begun, too";
  auto model = compile("slow");
  ASSERT_NE(model, nullptr);
  auto input = slow_tensor(*model, 0.001F);
  auto running = request_of(*model);
  auto waiting = request_of(*model);
  auto target = slow_tensor(*model, -1);
  ASSERT_TRUE(running->set_input(0, input.view()).ok());
  ASSERT_TRUE(waiting->set_input(0, input.view()).ok());
  ASSERT_TRUE(waiting->set_output(0, target.view()).ok());
  RunWaiter ran;
  RunWaiter cancelled;
  running->start(ran);
  waiting->start(cancelled);
  waiting->cancel();
  ASSERT_TRUE(cancelled.wait());
  EXPECT_EQ(cancelled.status().code(), StatusCode::kCancelled) << cancelled.status().to_string();
  EXPECT_EQ(cancelled.count(), 1);
  EXPECT_EQ(target.bytes, slow_tensor(*model, -1).bytes) << "it ran all the same";
  ASSERT_TRUE(ran.wait());
  EXPECT_TRUE(ran.status().ok()) << ran.status().to_string();
  const auto status = waiting->run();
  EXPECT_TRUE(status.ok()) << status.to_string();
}

TEST_P(BackendConformance, EightThreadsGetTheirOwnAnswers) {
  constexpr int kThreads = 8;
  constexpr int kRuns = 150;
  // Rows of 16, as many as there are floats; a runtime that cannot vary them has one row of 64.
  const bool is_fixed = lacks("dynamic");
  const std::int64_t width = is_fixed ? 64 : 16;
  auto model = compile(is_fixed ? "row" : "dynamic");
  ASSERT_NE(model, nullptr);
  std::atomic<int> wrong{0};
  std::vector<std::unique_ptr<InferRequest>> requests(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) threads.emplace_back([&, t] { requests[t] = request_of(*model); });
  for (auto& thread : threads) thread.join();
  threads.clear();
  ASSERT_TRUE(std::ranges::all_of(requests, [](const auto& request) { return request != nullptr; }));
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      auto& request = requests[t];
      for (int i = 0; i < kRuns; ++i) {
        const std::int64_t rows = is_fixed ? 1 : 1 + (i + t) % 5;
        const std::vector<float> values(static_cast<std::size_t>(rows * width), static_cast<float>(t * kRuns + i + 1));
        auto input = HostTensor::floats({rows, width}, values);
        RunWaiter waiter;
        if (!request->set_input(0, input.view()).ok()) ++wrong;
        request->start(waiter);
        if (!waiter.wait() || !waiter.status().ok() || floats_of(*request->output(0)) != values) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

// The completion is told before the runtime has put its own books in order, which then happens while the next run is
// under way.
TEST_P(BackendConformance, RunWhileTheCompletionBeforeItStillReturnsIsToldToNobody) {
  auto model = compile("slow");
  ASSERT_NE(model, nullptr);
  auto request = request_of(*model);
  auto input = slow_tensor(*model, 0.001F);
  ASSERT_TRUE(request->set_input(0, input.view()).ok());
  Told told;
  for (int i = 1; i <= 3; ++i) {
    request->start(told);
    const auto limit = Clock::now() + std::chrono::seconds(30);
    while (told.times < i && Clock::now() < limit) std::this_thread::yield();
    ASSERT_EQ(told.times, i) << "a start was not told";
    const auto status = request->run();
    ASSERT_TRUE(status.ok()) << status.to_string();
    ASSERT_EQ(told.times, i) << "a run was told to the completion of the start before it";
  }
}

TEST_P(BackendConformance, TwoCompilesAtOnceBothSucceed) {
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5; ++i) {
        auto model = try_compile(t == 0 ? "row" : "sum");
        if (model.ok() && (*model)->signature().inputs.size() == (t == 0 ? 1U : 2U)) ++right;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 10);
}

TEST_P(BackendConformance, UnloadingGivesTheMemoryBack) {
  if (test::kMemoryIsTheSanitizers) GTEST_SKIP() << "resident memory is the sanitizer's here";
  constexpr std::size_t kModelBytes = std::size_t{4} << 20;
  const auto cycle = [&] {
    auto model = compile("heavy");
    ASSERT_NE(model, nullptr);
    auto request = request_of(*model);
    auto input = HostTensor::floats({1, 1024}, std::vector<float>(1024, 1));
    ASSERT_TRUE(request->set_input(0, input.view()).ok());
    ASSERT_TRUE(request->run().ok());
  };
  for (int i = 0; i < 3; ++i) cycle();
  const std::size_t before = resident_bytes();
  for (int i = 0; i < 20; ++i) cycle();
  const std::size_t after = resident_bytes();
  // The heap may hold on to a model or two, and an emulator to the code that it has translated; a leak would be twenty.
  EXPECT_LT(after, before + 6 * kModelBytes) << "grew by " << (after - before) / 1024 << " KiB";
}

TEST_P(BackendConformance, InfoTellsWhatRuns) {
  auto model = compile("row");
  ASSERT_NE(model, nullptr);
  const ExecutionInfo& info = model->info();
  EXPECT_FALSE(info.runtime.empty());
  EXPECT_FALSE(info.runtime_version.empty());
  EXPECT_EQ(info.device, GetParam().device);
  EXPECT_FALSE(info.device_name.empty());
  EXPECT_EQ(info.precision, "FP32");
  EXPECT_GE(info.streams, 1U);
  EXPECT_GE(info.optimal_requests, 1U);
  bool listed = false;
  for (const auto& device : runtime_->devices()) listed = listed || (device.name == GetParam().device && device.usable);
  EXPECT_TRUE(listed);
}

}  // namespace ocelli::conformance
