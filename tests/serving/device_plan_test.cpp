// A model's device plan while it serves: who answers, who takes over, who comes back, and whether the board says so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "serving/model_servable.hpp"
#include "serving/test_client.hpp"
#include "support/eventually.hpp"
#include "support/fake_model.hpp"

namespace ocelli::serving {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using Use = DevicePolicy::Use;

// A device whose faults the test decides. It adds its number to what it is given, so that answers say who gave them.
class Station {
 public:
  explicit Station(float number) : number_(number) {}

  Result<scheduling::ExecutorSpec> compile(const std::stop_token& stop) {
    {
      std::unique_lock lock(mutex_);
      ++compilations;
      const std::stop_callback wake(stop, [this] { changed_.notify_all(); });
      changed_.wait(lock, [&] { return !held_ || stop.stop_requested(); });
      if (stop.stop_requested()) return Status(StatusCode::kCancelled, "stopped");
    }
    if (dead) return unavailable("the device is gone");
    if (refuses) return failed_precondition("the device refuses the model");
    const auto kernel = [this](const std::vector<TensorView>& in, std::vector<Tensor>& out) -> Status {
      if (dead) return unavailable("the device is gone");
      if (static_cast<std::int64_t>(in[0].bytes / sizeof(float)) > room)
        return {StatusCode::kResourceExhausted, "too small"};
      if (slow.count() > 0) std::this_thread::sleep_for(slow);  // what a run takes, not a wait for another thread
      ++runs;
      if (gives_nothing) {
        out[0].view = {DataType::kFp32, {0, 1}, nullptr, 0};
        return {};
      }
      return test::add_kernel(number_)(in, out);
    };
    auto model = std::make_shared<test::FakeModel>(test::add_signature(shape), kernel);
    in_memory = model;
    scheduling::ExecutorSpec spec;
    spec.model = std::move(model);
    spec.notes = notes;
    return spec;
  }
  void hold(bool held) {
    {
      const std::lock_guard lock(mutex_);
      held_ = held;
    }
    changed_.notify_all();
  }

  std::atomic<bool> dead{false};
  std::atomic<bool> refuses{false};
  std::atomic<bool> gives_nothing{false};  // no rows, however many there should be
  std::atomic<std::int64_t> room{1'000'000};
  std::atomic<int> compilations{0};
  std::atomic<int> runs{0};
  milliseconds slow{0};
  PartialShape shape = PartialShape::from({1, 1});
  std::shared_ptr<const scheduling::BatchNotes> notes;
  std::weak_ptr<CompiledModel> in_memory;

 private:
  const float number_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
};

// Of the files of a folder, one after the other.
std::string contents_of(const std::filesystem::path& folder) {
  std::string all;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::ifstream file(it->path());
    all.append(std::istreambuf_iterator<char>(file), {});
  }
  return all;
}

struct DevicePlanTest : testing::Test {
  ~DevicePlanTest() override {
    for (auto* station : {&gpu, &cpu}) station->hold(false);
  }
  static PlannedDevice device(const char* target, Station& station, bool quick = false) {
    PlannedDevice made;
    made.target = target;
    made.quick = quick;
    made.compile = [&station](const std::stop_token& stop, bool) { return station.compile(stop); };
    return made;
  }
  ModelServableOptions options(Use use) {
    ModelServableOptions made;
    made.name = "m";
    made.inline_below = Duration::zero();
    made.policy.use = use;
    made.policy.first_retry = milliseconds(5);
    made.policy.last_retry = milliseconds(20);
    made.devices.push_back(device("GPU", gpu));
    made.devices.push_back(device("CPU", cpu, true));
    return made;
  }
  Status open(ModelServableOptions made) {
    auto result = ModelServable::create(std::move(made), context);
    if (result.ok()) servable = *result;
    return result.ok() ? Status() : result.status();
  }
  std::shared_ptr<Client> send(float value, std::int64_t items = 1) {
    auto client = std::make_shared<Client>();
    auto buffer = Buffer::allocate(static_cast<std::size_t>(items) * sizeof value);
    for (std::int64_t i = 0; i < items; ++i)
      std::memcpy(buffer->data() + static_cast<std::size_t>(i) * sizeof value, &value, sizeof value);
    const auto bytes = buffer->size();
    client->call.servable = servable;
    client->call.completion = client.get();
    client->call.inputs.push_back({"b", Tensor::of(DataType::kFp32, {items, 1}, std::move(buffer), 0, bytes)});
    servable->infer(client->call);
    return client;
  }
  // What the model answers to 0: the number of the device; -1 when it fails.
  float ask() {
    const auto client = send(0);
    EXPECT_TRUE(client->wait());
    last = client->call.status;
    return last.ok() ? client->value() : -1.0F;
  }
  DeviceReport report(std::size_t position) const { return servable->metadata().device_reports().at(position); }
  template <typename Condition>
  static bool soon(const Condition& condition) {
    return test::eventually(condition, kPatience);
  }
  bool becomes(std::size_t position, DeviceState state) {
    return soon([&] { return report(position).state == state; });
  }

  BufferPool pool;
  ServingContext context{pool, Log()};
  Station gpu{1};
  Station cpu{2};
  std::shared_ptr<ModelServable> servable;
  Status last;
};

TEST_F(DevicePlanTest, AutoAnswersOnTheCpuAndMovesOverWithoutADroppedRequest) {
  gpu.hold(true);
  ASSERT_TRUE(open(options(Use::kFirst)).ok());
  EXPECT_EQ(ask(), 2);
  EXPECT_TRUE(becomes(0, DeviceState::kCompiling));
  EXPECT_EQ(report(1).state, DeviceState::kServing);

  std::atomic<bool> moved{false};
  std::atomic<int> failed{0};
  std::thread load([&] {
    while (!moved) failed += ask() > 0 ? 0 : 1;
  });
  gpu.hold(false);
  EXPECT_TRUE(becomes(0, DeviceState::kServing));
  EXPECT_TRUE(soon([&] { return cpu.in_memory.expired(); })) << "the CPU's memory is given back";
  moved = true;
  load.join();
  EXPECT_EQ(failed, 0) << last.to_string();
  EXPECT_EQ(ask(), 1);
  EXPECT_EQ(report(1).state, DeviceState::kStandby);
  EXPECT_THAT(report(1).reason, HasSubstr("GPU is preferred and serves"));
  EXPECT_EQ(report(0).reason, "");
}

TEST_F(DevicePlanTest, AutoSaysWhyABetterDeviceIsNotUsed) {
  gpu.refuses = true;
  ASSERT_TRUE(open(options(Use::kFirst)).ok());
  ASSERT_TRUE(becomes(0, DeviceState::kFailed));
  EXPECT_EQ(report(0).reason, "the device refuses the model");
  EXPECT_EQ(ask(), 2);
  EXPECT_EQ(gpu.compilations, 1) << "one that refuses is not asked again and again";
}

TEST_F(DevicePlanTest, WhatStandsInServesAtOnceAndIsMeasuredWhenItIsToStay) {
  const auto cache = std::filesystem::path(testing::TempDir()) / ("stand_in_" + std::to_string(::getpid()));
  cpu.notes = std::make_shared<scheduling::BatchNotes>(cache, "model on CPU", Log());
  cpu.shape.dims[0] = gpu.shape.dims[0] = Dimension::any();
  gpu.hold(true);
  gpu.refuses = true;
  ASSERT_TRUE(open(options(Use::kFirst)).ok());
  EXPECT_EQ(ask(), 2);
  EXPECT_EQ(contents_of(cache), "") << "measuring was not waited for";
  std::atomic<bool> measured{false};
  std::atomic<int> failed{0};
  std::thread load([&] {
    while (!measured) failed += ask() == 2 ? 0 : 1;
  });
  gpu.hold(false);
  EXPECT_TRUE(soon([&] { return !contents_of(cache).empty(); }));
  EXPECT_TRUE(context.compilations.idle_within(kPatience));
  measured = true;
  load.join();
  EXPECT_EQ(failed, 0) << last.to_string();
  EXPECT_EQ(ask(), 2);
  EXPECT_EQ(cpu.compilations, 1);
  EXPECT_EQ(report(1).state, DeviceState::kServing);
  servable.reset();
  std::filesystem::remove_all(cache);
}

TEST_F(DevicePlanTest, WithoutStartupFallbackTheBestComesFirst) {
  auto made = options(Use::kFirst);
  made.policy.startup_fallback = false;
  ASSERT_TRUE(open(std::move(made)).ok());
  EXPECT_EQ(cpu.compilations, 0);
  EXPECT_EQ(ask(), 1);
  EXPECT_EQ(report(1).state, DeviceState::kStandby);
}

TEST_F(DevicePlanTest, AllThatCanServeTogetherWithCumulativeThroughput) {
  gpu.hold(true);
  ASSERT_TRUE(open(options(Use::kAny)).ok());
  EXPECT_EQ(ask(), 2);
  gpu.hold(false);
  ASSERT_TRUE(becomes(0, DeviceState::kServing));
  EXPECT_EQ(report(1).state, DeviceState::kServing);
  EXPECT_EQ(ask(), 1) << "the first of the list is preferred while both are idle";
}

TEST_F(DevicePlanTest, AutoFallsBackToTheCpuWhenItsDeviceDiesAndReturnsWhenItIsBack) {
  ASSERT_TRUE(open(options(Use::kFirst)).ok());
  ASSERT_TRUE(becomes(0, DeviceState::kServing));
  ASSERT_TRUE(becomes(1, DeviceState::kStandby));
  ASSERT_TRUE(soon([&] { return cpu.in_memory.expired(); }));
  cpu.hold(true);  // the request has to wait for the CPU
  gpu.dead = true;
  const auto during = send(0);
  EXPECT_TRUE(soon([&] { return report(0).attempts > 0; }));
  EXPECT_THAT(report(0).reason, HasSubstr("gone"));
  cpu.hold(false);
  ASSERT_TRUE(during->wait());
  EXPECT_TRUE(during->call.status.ok()) << during->call.status.to_string();
  EXPECT_EQ(during->value(), 2);
  gpu.dead = false;
  ASSERT_TRUE(soon([&] { return ask() == 1; })) << "it comes back by itself";
  EXPECT_TRUE(becomes(1, DeviceState::kStandby));
  EXPECT_TRUE(becomes(0, DeviceState::kServing));
}

TEST_F(DevicePlanTest, TheCpuStepsInWhileOtherModelsAreCompiled) {
  ASSERT_TRUE(open(options(Use::kFirst)).ok());
  ASSERT_TRUE(test::eventually([&] { return report(1).state == DeviceState::kStandby && cpu.in_memory.expired(); }));
  std::promise<void> end;
  const auto ended = end.get_future().share();
  for (std::size_t i = 0; i < ServingContext::kCompilationThreads; ++i)
    ASSERT_TRUE(context.compilations.submit([ended] { ended.wait(); }));
  gpu.dead = true;
  const auto client = send(0);
  const bool told = test::eventually([&] { return client->is_done(); });
  end.set_value();
  EXPECT_TRUE(told) << "it waits for other models' compilations";
  ASSERT_TRUE(client->wait());
  EXPECT_EQ(client->value(), 2) << client->call.status.to_string();
}

TEST_F(DevicePlanTest, TheOnlyDeviceIsOutWithAClearAnswerAndComesBack) {
  auto made = options(Use::kAll);
  made.devices.pop_back();
  ASSERT_TRUE(open(std::move(made)).ok());
  EXPECT_EQ(ask(), 1);
  gpu.dead = true;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ask(), -1);
    EXPECT_EQ(last.code(), StatusCode::kUnavailable);
    EXPECT_THAT(std::string(last.message()), HasSubstr("the device is gone"));
  }
  EXPECT_TRUE(soon([&] { return report(0).attempts >= 3; }));
  const auto lost = servable->current_metadata().device_status();
  EXPECT_EQ(lost.code(), StatusCode::kUnavailable) << "it is not ready";
  EXPECT_THAT(std::string(lost.message()), HasSubstr("Model m has no device to run on: GPU: "));
  EXPECT_GT(report(0).next_attempt.time_since_epoch().count() + report(0).attempts, 0);
  gpu.dead = false;
  EXPECT_TRUE(soon([&] { return ask() == 1; }));
  EXPECT_EQ(report(0).state, DeviceState::kServing);
  EXPECT_EQ(report(0).attempts, 0U);
  EXPECT_TRUE(servable->current_metadata().device_status().ok());
}

TEST_F(DevicePlanTest, MultiLosesNoRequestWhenADeviceDiesUnderLoad) {
  ASSERT_TRUE(open(options(Use::kAll)).ok());
  std::vector<std::shared_ptr<Client>> clients;
  for (int i = 0; i < 400; ++i) {
    if (i == 100) gpu.dead = true;
    clients.push_back(send(0));
  }
  for (const auto& client : clients) {
    ASSERT_TRUE(client->wait());
    EXPECT_TRUE(client->call.status.ok()) << client->call.status.to_string();
  }
  gpu.dead = false;
  EXPECT_TRUE(becomes(0, DeviceState::kServing));
}

TEST_F(DevicePlanTest, MultiNeedsAllItsDevicesAndNamesTheOneThatFails) {
  gpu.refuses = true;
  const auto status = open(options(Use::kAll));
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(std::string(status.message()), "GPU: the device refuses the model");
}

TEST_F(DevicePlanTest, ADeviceWithAnotherSignatureIsRefusedWithTheReason) {
  gpu.shape = PartialShape::from({1, 2});
  EXPECT_THAT(std::string(open(options(Use::kAll)).message()), HasSubstr("CPU: other inputs or outputs"));
  ASSERT_TRUE(open(options(Use::kFirst)).ok());
  ASSERT_TRUE(becomes(0, DeviceState::kFailed));
  EXPECT_THAT(report(0).reason, HasSubstr("other inputs or outputs"));
  EXPECT_EQ(ask(), 2);
}

TEST_F(DevicePlanTest, ADeviceThatTakesLessThanIsShownIsRefusedWithTheReason) {
  cpu.shape = PartialShape{{Dimension::any(), Dimension::fixed(1)}};
  ASSERT_TRUE(open(options(Use::kFirst)).ok());
  ASSERT_TRUE(becomes(0, DeviceState::kFailed));
  EXPECT_THAT(report(0).reason, HasSubstr("takes (1,1) only, not all of (-1,1)"));
  const auto client = send(0, 3);
  ASSERT_TRUE(client->wait());
  EXPECT_TRUE(client->call.status.ok()) << client->call.status.to_string();
  // One that takes more than is shown stands in.
  std::swap(gpu.shape, cpu.shape);
  auto made = options(Use::kAll);
  std::swap(made.devices[0], made.devices[1]);
  EXPECT_TRUE(open(std::move(made)).ok());
}

TEST_F(DevicePlanTest, WhyNothingIsBatchedIsInTheDevicesNote) {
  auto made = options(Use::kAll);
  made.batching.mode = scheduling::BatchingMode::kOn;
  made.batching.asked_for = true;
  ASSERT_TRUE(open(std::move(made)).ok());
  EXPECT_THAT(report(0).info.note, HasSubstr("requests are not batched on FAKE: its shape or its file fixes"));
}

TEST_F(DevicePlanTest, ARequestThatIsTooLargeForADeviceGoesToTheNext) {
  gpu.shape = cpu.shape = PartialShape{{Dimension::any(), Dimension::fixed(1)}};
  auto made = options(Use::kAll);
  made.batching.mode = scheduling::BatchingMode::kOff;
  ASSERT_TRUE(open(std::move(made)).ok());
  gpu.room = 4;
  const auto client = send(0, 8);
  ASSERT_TRUE(client->wait());
  ASSERT_TRUE(client->call.status.ok()) << client->call.status.to_string();
  EXPECT_EQ(client->value(), 2);
  EXPECT_EQ(ask(), 1) << "one failure for lack of memory does not take the device out";
}

TEST_F(DevicePlanTest, ARequestThatIsTooLargeForAutosDeviceIsAnsweredByTheNext) {
  gpu.shape = cpu.shape = PartialShape{{Dimension::any(), Dimension::fixed(1)}};
  auto made = options(Use::kFirst);
  made.batching.mode = scheduling::BatchingMode::kOff;
  ASSERT_TRUE(open(std::move(made)).ok());
  ASSERT_TRUE(soon([&] { return report(1).state == DeviceState::kStandby && cpu.in_memory.expired(); }));
  gpu.room = 4;
  const auto client = send(0, 8);
  ASSERT_TRUE(client->wait());
  ASSERT_TRUE(client->call.status.ok()) << client->call.status.to_string();
  EXPECT_EQ(client->value(), 2);
  EXPECT_TRUE(soon([&] { return ask() == 1; })) << "the device comes back";
}

TEST_F(DevicePlanTest, BatchesThatAreTooLargeAreHalved) {
  gpu.shape = PartialShape{{Dimension::any(), Dimension::fixed(1)}};
  gpu.slow = milliseconds(5);
  auto made = options(Use::kAll);
  made.devices.pop_back();
  made.batching.mode = scheduling::BatchingMode::kOn;
  made.batching.max_items = 8;
  ASSERT_TRUE(open(std::move(made)).ok());
  gpu.room = 2;
  std::vector<std::shared_ptr<Client>> clients;
  for (int i = 0; i < 40; ++i) clients.push_back(send(static_cast<float>(i)));
  for (std::size_t i = 0; i < clients.size(); ++i) {
    ASSERT_TRUE(clients[i]->wait());
    ASSERT_TRUE(clients[i]->call.status.ok()) << clients[i]->call.status.to_string();
    EXPECT_EQ(clients[i]->value(), static_cast<float>(i) + 1);
  }
  EXPECT_EQ(report(0).state, DeviceState::kServing);
  EXPECT_THAT(report(0).reason, HasSubstr("batches have at most"));
}

TEST_F(DevicePlanTest, WhatBatchesMayNotBeForNowIsTakenBackWithTheLimit) {
  gpu.shape = PartialShape{{Dimension::any(), Dimension::fixed(1)}};
  auto made = options(Use::kAll);
  made.devices.pop_back();
  made.batching.mode = scheduling::BatchingMode::kOn;
  made.batching.max_items = 4;
  made.halved_for = Duration::zero();
  ASSERT_TRUE(open(std::move(made)).ok());
  gpu.slow = milliseconds(5);
  gpu.room = 1;
  std::vector<std::shared_ptr<Client>> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(send(0));
  for (const auto& client : clients) ASSERT_TRUE(client->wait());
  EXPECT_GT(servable->metrics().request_retries.load(), 0U) << "batches were halved";
  gpu.room = 8;
  // Each run that goes well doubles the limit once, until batches are as large as before.
  EXPECT_TRUE(test::eventually([&] { return ask() == 1 && report(0).reason.empty(); })) << report(0).reason;
}

TEST_F(DevicePlanTest, ARunThatGivesOtherRowsEndsBatchingForTheNextStartsToo) {
  const auto cache = std::filesystem::path(testing::TempDir()) / ("device_rows_" + std::to_string(::getpid()));
  gpu.shape = PartialShape{{Dimension::any(), Dimension::fixed(1)}};
  gpu.notes = std::make_shared<scheduling::BatchNotes>(cache, "model on GPU", Log());
  const auto start = [&] {
    auto made = options(Use::kAll);
    made.devices.pop_back();
    made.batching.mode = scheduling::BatchingMode::kOn;
    made.batching.max_items = 2;
    gpu.runs = 0;
    return open(std::move(made));
  };
  ASSERT_TRUE(start().ok());
  EXPECT_GT(gpu.runs, 1);
  const auto measured = contents_of(cache);
  gpu.gives_nothing = true;
  const auto client = send(0);
  EXPECT_TRUE(client->wait());
  EXPECT_TRUE(soon([&] { return contents_of(cache) != measured; }));
  EXPECT_THAT(report(0).info.note, HasSubstr("requests are not batched"));
  gpu.gives_nothing = false;
  ASSERT_TRUE(start().ok());
  EXPECT_THAT(contents_of(cache), HasSubstr("sizes 1\n"));
  EXPECT_EQ(ask(), 1);
  std::filesystem::remove_all(cache);
}

TEST_F(DevicePlanTest, MeasuringFindsTheFasterDevice) {
  gpu.slow = milliseconds(20);
  cpu.slow = milliseconds(1);
  auto made = options(Use::kFirst);
  made.policy.measure = true;
  ASSERT_TRUE(open(std::move(made)).ok());
  ASSERT_TRUE(soon([&] { return gpu.compilations == 1 && report(0).state == DeviceState::kStandby; }));
  EXPECT_THAT(report(0).reason, HasSubstr("CPU is faster on this model"));
  EXPECT_EQ(ask(), 2);
  EXPECT_EQ(gpu.compilations, 1);
}

TEST_F(DevicePlanTest, WhatWasMeasuredIsKnownAtTheNextStart) {
  const auto cache = std::filesystem::path(testing::TempDir()) / ("device_plan_" + std::to_string(::getpid()));
  gpu.slow = milliseconds(20);
  cpu.slow = milliseconds(1);
  const auto start = [&](bool startup_fallback) {
    auto made = options(Use::kFirst);
    made.policy.measure = true;
    made.policy.startup_fallback = startup_fallback;
    for (auto& device : made.devices)
      device.speed_notes = std::make_shared<scheduling::SpeedNotes>(cache, "model on " + device.target, Log());
    gpu.compilations = cpu.compilations = 0;
    ASSERT_TRUE(open(std::move(made)).ok());
  };
  start(true);
  ASSERT_TRUE(soon([&] { return gpu.compilations == 1 && report(0).state == DeviceState::kStandby; }));
  for (const bool startup_fallback : {true, false}) {
    start(startup_fallback);
    EXPECT_EQ(ask(), 2);
    EXPECT_TRUE(context.compilations.idle_within(kPatience));
    EXPECT_EQ(gpu.compilations, 0) << "it is known to be slower";
    EXPECT_EQ(cpu.compilations, 1);
    EXPECT_EQ(report(0).state, DeviceState::kStandby);
    EXPECT_EQ(report(0).reason, "CPU is faster on this model");
  }
  // It stands in all the same.
  cpu.dead = true;
  EXPECT_EQ(ask(), 1);
  EXPECT_EQ(gpu.compilations, 1);
  std::filesystem::remove_all(cache);
}

TEST_F(DevicePlanTest, UnloadingCancelsWhatIsCompiledInTheBackground) {
  gpu.hold(true);
  ASSERT_TRUE(open(options(Use::kFirst)).ok());
  ASSERT_TRUE(soon([&] { return gpu.compilations == 1; }));
  servable.reset();
  EXPECT_TRUE(context.compilations.idle_within(kPatience));
  EXPECT_TRUE(soon([&] { return cpu.in_memory.expired(); }));
  EXPECT_TRUE(gpu.in_memory.expired());
}

TEST_F(DevicePlanTest, ThroughputOfSeveralDevicesAddsUpAndLimitsHold) {
  gpu.slow = milliseconds(2);
  cpu.slow = milliseconds(6);
  ASSERT_TRUE(open(options(Use::kAll)).ok());
  gpu.runs = cpu.runs = 0;
  std::vector<std::shared_ptr<Client>> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(send(0));
  for (const auto& client : clients) ASSERT_TRUE(client->wait());
  EXPECT_EQ(gpu.runs + cpu.runs, 200);
  // Each pulls as fast as it can: 3 to 1, with room for the machine's mood.
  EXPECT_GT(gpu.runs, cpu.runs);
  EXPECT_GT(cpu.runs, 20);
}

}  // namespace
}  // namespace ocelli::serving
