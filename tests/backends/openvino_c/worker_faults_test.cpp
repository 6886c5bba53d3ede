// The worker is killed, hangs, or loses its stick: what runs is told so, nothing hangs or leaks, and all comes back.
#include <sys/wait.h>

#include <csignal>

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
