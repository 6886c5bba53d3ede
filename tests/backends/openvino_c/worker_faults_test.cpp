// The worker is killed, hangs, or loses its stick: what runs is told so, nothing hangs or leaks, and all comes back.
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "backends/openvino_c/worker_fixture.hpp"

namespace ocelli::openvino_c {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

bool has_no_child() { return ::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD; }

bool is_gone(pid_t pid) { return ::kill(pid, 0) != 0; }

TEST_F(WorkerFixture, AKilledWorkerIsALostDeviceThatComesBack) {
  const auto runtime = this->runtime();
  const auto model = compile(*runtime);
  ASSERT_NE(model, nullptr);
  auto request = model->create_request();
  ASSERT_TRUE(request.ok());
  ASSERT_TRUE(run(**request).ok());
  const pid_t first = runtime->worker_pid();
  ASSERT_GT(first, 0);
  ::kill(first, SIGKILL);
  Status lost;
  ASSERT_TRUE(within(std::chrono::seconds(10), [&] { return !(lost = run(**request)).ok(); }));
  EXPECT_EQ(lost.code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(lost.message()), HasSubstr("the device is lost"));
  EXPECT_TRUE(recovers(**request)) << "the same request of the same model";
  EXPECT_NE(runtime->worker_pid(), first);
  EXPECT_TRUE(is_gone(first)) << "the old process is reaped";
}

TEST_F(WorkerFixture, RunsUnderWayAreToldWhyOnceEach) {
  stick("hang");
  const auto runtime = this->runtime();
  const auto model = compile(*runtime);
  ASSERT_NE(model, nullptr);
  std::vector<std::unique_ptr<InferRequest>> requests;
  std::vector<float> input(64, 1);
  std::vector<testing::RunWaiter> waiters(6);
  for (auto& waiter : waiters) {
    auto request = model->create_request();
    ASSERT_TRUE(request.ok());
    ASSERT_TRUE(
        (*request)->set_input(0, {DataType::kFp32, {1, 64}, reinterpret_cast<std::byte*>(input.data()), 256}).ok());
    (*request)->start(waiter);
    requests.push_back(std::move(*request));
  }
  ::kill(runtime->worker_pid(), SIGKILL);
  for (auto& waiter : waiters) {
    ASSERT_TRUE(waiter.wait());
    EXPECT_EQ(waiter.status().code(), StatusCode::kUnavailable);
    EXPECT_THAT(std::string(waiter.status().message()), AllOf(HasSubstr("signal 9"), HasSubstr("Killed")));
  }
  stick("");
  for (auto& request : requests) EXPECT_TRUE(recovers(*request));
  for (auto& waiter : waiters) EXPECT_EQ(waiter.count(), 1);
}

// Kills the worker and starts another run before the supervisor's thread, on which this is called, can hear of it.
class StartsAfterTheEnd final : public InferCompletion {
 public:
  StartsAfterTheEnd(pid_t worker, InferRequest& next) : worker_(worker), next_(next) {}
  void on_infer_done(const Status& status) noexcept override {
    first_ = status;
    ::kill(worker_, SIGKILL);
    siginfo_t ended{};
    (void)::waitid(P_PID, static_cast<id_t>(worker_), &ended, WEXITED | WNOWAIT);
    next_.start(second);
    over.on_infer_done(status);
  }
  testing::RunWaiter second;
  testing::RunWaiter over;

 private:
  const pid_t worker_;
  InferRequest& next_;
  Status first_;
};

TEST_F(WorkerFixture, ARunThatIsHandedToAWorkerThatHasJustEndedIsToldOfALostDevice) {
  const auto runtime = this->runtime();
  const auto model = compile(*runtime);
  ASSERT_NE(model, nullptr);
  std::vector<std::unique_ptr<InferRequest>> requests;
  std::vector<float> input(64, 1);
  for (int i = 0; i < 2; ++i) {
    auto request = model->create_request();
    ASSERT_TRUE(request.ok());
    ASSERT_TRUE(
        (*request)->set_input(0, {DataType::kFp32, {1, 64}, reinterpret_cast<std::byte*>(input.data()), 256}).ok());
    requests.push_back(std::move(*request));
  }
  StartsAfterTheEnd completion(runtime->worker_pid(), *requests[1]);
  requests[0]->start(completion);
  ASSERT_TRUE(completion.over.wait());
  ASSERT_TRUE(completion.second.wait());
  EXPECT_EQ(completion.second.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(completion.second.status().message()), HasSubstr("the device is lost"));
  EXPECT_TRUE(recovers(*requests[1]));
}

// Wherever the end meets a model that is being made, it is made or its device is lost: nothing else.
TEST_F(WorkerFixture, ModelsAreMadeWhileWorkersDie) {
  const auto runtime = this->runtime();
  std::atomic<bool> over = false;
  std::atomic<int> kills = 0;
  std::thread killer([&] {
    // Each worker somewhat later than the one before, so that all stages are met.
    for (int delay = 0; !over; delay = (delay + 3) % 60) {
      const pid_t worker = runtime->worker_pid();
      if (worker > 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(delay));
        ::kill(worker, SIGKILL);
        ++kills;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  const auto expect_made_or_lost = [](const Status& status) {
    EXPECT_TRUE(status.ok() || status.code() == StatusCode::kUnavailable) << status.to_string();
    return status.ok();
  };
  CompileOptions options;
  options.device = "MYRIAD";
  options.properties["INFERENCE_PRECISION_HINT"] = "f32";
  EXPECT_TRUE(within(std::chrono::seconds(60), [&] {
    (void)runtime->devices();
    auto model = runtime->compile({ModelFormat::kOpenvinoIr, models_ / "row/model.xml"}, options);
    if (!expect_made_or_lost(model.status())) return kills >= 12;
    auto request = (*model)->create_request();
    if (!expect_made_or_lost(request.status())) return kills >= 12;
    for (int i = 0; i < 20; ++i) (void)expect_made_or_lost(run(**request));
    return kills >= 12;
  }));
  over = true;
  killer.join();
}

TEST_F(WorkerFixture, ALibraryThatAbortsTakesNothingWithIt) {
  const auto runtime = this->runtime();
  const auto model = compile(*runtime);
  ASSERT_NE(model, nullptr);
  auto request = model->create_request();
  ASSERT_TRUE(request.ok());
  stick("die");
  const auto status = run(**request);
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("Aborted"));
  stick("");
  EXPECT_TRUE(recovers(**request));
}

TEST_F(WorkerFixture, ARunThatDoesNotEndIsGivenUp) {
  limits_.run = std::chrono::milliseconds(300);
  const auto runtime = this->runtime();
  const auto model = compile(*runtime);
  ASSERT_NE(model, nullptr);
  auto request = model->create_request();
  ASSERT_TRUE(request.ok());
  stick("hang");
  const auto status = run(**request);
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("has not finished a run in time"));
  stick("");
  EXPECT_TRUE(recovers(**request));
}

TEST_F(WorkerFixture, AStickThatIsPulledAndPutBack) {
  const auto runtime = this->runtime();
  const auto model = compile(*runtime);
  ASSERT_NE(model, nullptr);
  auto request = model->create_request();
  ASSERT_TRUE(request.ok());
  stick("pulled");
  auto status = run(**request);
  EXPECT_EQ(status.code(), StatusCode::kUnavailable) << status.to_string();
  EXPECT_THAT(std::string(status.message()), HasSubstr("the device is lost"));
  // The new worker does not find it, and says so.
  EXPECT_TRUE(within(std::chrono::seconds(30), [&] {
    status = run(**request);
    return status.message().find("no device MYRIAD here") != std::string_view::npos;
  })) << status.to_string();
  stick("");
  EXPECT_TRUE(recovers(**request));
}

// As the scheduler does that tries a failed request again on another stick.
class TriesAnother final : public InferCompletion {
 public:
  explicit TriesAnother(InferRequest& other) : other_(other) {}
  void on_infer_done(const Status& status) noexcept override {
    second = other_.run();
    first.on_infer_done(status);
  }
  testing::RunWaiter first;
  Status second;

 private:
  InferRequest& other_;
};

TEST_F(WorkerFixture, ARunThatIsTriedOnAnotherLostStickIsToldOfIt) {
  const auto runtime = this->runtime();
  const auto model = compile(*runtime);
  ASSERT_NE(model, nullptr);
  auto first = model->create_request();
  auto second = model->create_request();
  ASSERT_TRUE(first.ok() && second.ok());
  std::vector<float> input(64, 1);
  const TensorView view{DataType::kFp32, {1, 64}, reinterpret_cast<std::byte*>(input.data()), 256};
  ASSERT_TRUE((*first)->set_input(0, view).ok() && (*second)->set_input(0, view).ok());
  stick("pulled");
  TriesAnother completion(**second);
  (*first)->start(completion);
  ASSERT_TRUE(completion.first.wait());
  EXPECT_EQ(completion.first.status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(completion.second.code(), StatusCode::kUnavailable);
  stick("");
  EXPECT_TRUE(recovers(**first));
  EXPECT_TRUE(recovers(**second));
}

TEST_F(WorkerFixture, NothingIsLeftBehind) {
  {
    const auto warm = runtime();
    (void)warm->devices();
  }
  ASSERT_TRUE(has_no_child());
  const std::size_t before = open_descriptors();
  {
    const auto runtime = this->runtime();
    const auto model = compile(*runtime);
    ASSERT_NE(model, nullptr);
    auto request = model->create_request();
    ASSERT_TRUE(request.ok());
    const std::size_t loaded = open_descriptors();
    for (int i = 0; i < 4; ++i) {
      ::kill(runtime->worker_pid(), SIGKILL);
      ASSERT_TRUE(within(std::chrono::seconds(10), [&] { return !run(**request).ok(); }));
      ASSERT_TRUE(recovers(**request));
    }
    EXPECT_EQ(open_descriptors(), loaded) << "four lost workers";
  }
  EXPECT_EQ(open_descriptors(), before);
  EXPECT_TRUE(has_no_child()) << "the worker is ended and reaped";
}

TEST_F(WorkerFixture, AModelMayGoWhileItsWorkerIsGone) {
  const auto runtime = this->runtime();
  auto model = compile(*runtime);
  auto other = compile(*runtime, "LEGACY.CPU");
  ASSERT_TRUE(model && other);
  auto request = model->create_request();
  auto staying = other->create_request();
  ASSERT_TRUE(request.ok() && staying.ok());
  ::kill(runtime->worker_pid(), SIGKILL);
  request->reset();
  model.reset();
  EXPECT_TRUE(recovers(**staying));
}

}  // namespace
}  // namespace ocelli::openvino_c
