// What a device plan finds out of its devices while it serves: what they have room for, what batching brings, which one
// is faster.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "serving/device_plan_fixture.hpp"

namespace ocelli::serving {
namespace {

using DevicePlanMeasuredTest = DevicePlanTest;

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

TEST_F(DevicePlanMeasuredTest, WhatStandsInServesAtOnceAndIsMeasuredWhenItIsToStay) {
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

TEST_F(DevicePlanMeasuredTest, TheNoteOfWhatStandsInIsMadeAnewWhenItIsToStay) {
  cpu.shape.dims[0] = gpu.shape.dims[0] = Dimension::any();
  gpu.hold(true);
  gpu.refuses = true;
  auto made = options(Use::kFirst);
  made.batching.mode = scheduling::BatchingMode::kOn;
  made.batching.asked_for = true;
  ASSERT_TRUE(open(std::move(made)).ok());
  EXPECT_THAT(report(1).info.note, HasSubstr("it may serve for a moment only"));
  gpu.hold(false);
  EXPECT_TRUE(soon([&] { return report(1).info.note.find("for a moment") == std::string::npos; }))
      << "it is batched now: " << report(1).info.note;
}

TEST_F(DevicePlanMeasuredTest, WhyNothingIsBatchedIsInTheDevicesNote) {
  auto made = options(Use::kAll);
  made.batching.mode = scheduling::BatchingMode::kOn;
  made.batching.asked_for = true;
  ASSERT_TRUE(open(std::move(made)).ok());
  EXPECT_THAT(report(0).info.note, HasSubstr("requests are not batched on FAKE: its shape or its file fixes"));
}

TEST_F(DevicePlanMeasuredTest, ARequestThatIsTooLargeForADeviceGoesToTheNext) {
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

TEST_F(DevicePlanMeasuredTest, ARequestThatIsTooLargeForAutosDeviceIsAnsweredByTheNext) {
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

TEST_F(DevicePlanMeasuredTest, BatchesThatAreTooLargeAreHalved) {
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

TEST_F(DevicePlanMeasuredTest, WhatBatchesMayNotBeForNowIsTakenBackWithTheLimit) {
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

TEST_F(DevicePlanMeasuredTest, ARunThatGivesOtherRowsEndsBatchingForTheNextStartsToo) {
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

TEST_F(DevicePlanMeasuredTest, ARunThatGivesOtherRowsEndsBatchingForWhenTheDeviceIsBackToo) {
  gpu.shape = PartialShape{{Dimension::any(), Dimension::fixed(1)}};
  auto made = options(Use::kAll);
  made.devices.pop_back();
  made.batching.mode = scheduling::BatchingMode::kOn;
  made.batching.max_items = 4;
  ASSERT_TRUE(open(std::move(made)).ok());
  gpu.gives_nothing = true;
  EXPECT_TRUE(send(0)->wait());
  EXPECT_TRUE(soon([&] { return report(0).info.note.ends_with("gave other rows than it was given"); }));
  gpu.gives_nothing = false;
  gpu.dead = true;
  EXPECT_EQ(ask(), -1);
  gpu.dead = false;
  ASSERT_TRUE(becomes(0, DeviceState::kServing));
  EXPECT_THAT(report(0).info.note, HasSubstr("requests are not batched"));
  gpu.slow = milliseconds(5);
  gpu.runs = 0;
  std::vector<std::shared_ptr<Client>> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(send(0));
  for (const auto& client : clients) ASSERT_TRUE(client->wait());
  EXPECT_EQ(gpu.runs, 8);
}

TEST_F(DevicePlanMeasuredTest, MeasuringFindsTheFasterDevice) {
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

TEST_F(DevicePlanMeasuredTest, WhatWasMeasuredIsKnownAtTheNextStart) {
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

// Three that each go before the next one would be compiled for ever in turn.
TEST_F(DevicePlanMeasuredTest, ADeviceThatCannotBeMeasuredComesBehindThoseThatCan) {
  Station unsteady{3};
  Station quick{4};
  gpu.slow = milliseconds(20);
  quick.slow = milliseconds(1);
  unsteady.unsteady = true;
  auto made = options(Use::kFirst);
  made.policy.measure = true;
  made.devices.pop_back();
  made.devices.push_back(device("UNSTEADY", unsteady));
  made.devices.push_back(device("QUICK", quick));
  ASSERT_TRUE(open(std::move(made)).ok());
  ASSERT_TRUE(becomes(2, DeviceState::kServing));
  EXPECT_TRUE(context.compilations.idle_within(kPatience));
  EXPECT_EQ(ask(), 4);
  EXPECT_EQ(gpu.compilations + unsteady.compilations + quick.compilations, 3);
  servable.reset();
}

TEST_F(DevicePlanMeasuredTest, WhenTheFastestIsLostTheNextFastestStepsIn) {
  Station slowest{3};
  gpu.slow = milliseconds(1);
  cpu.slow = milliseconds(5);
  slowest.slow = milliseconds(40);
  auto made = options(Use::kFirst);
  made.policy.measure = true;
  made.policy.first_retry = made.policy.last_retry = std::chrono::minutes(10);
  made.devices.clear();
  made.devices.push_back(device("SLOWEST", slowest));
  made.devices.push_back(device("CPU", cpu));
  made.devices.push_back(device("GPU", gpu));
  ASSERT_TRUE(open(std::move(made)).ok());
  ASSERT_TRUE(becomes(2, DeviceState::kServing));
  ASSERT_TRUE(soon([&] { return report(1).state == DeviceState::kStandby && cpu.in_memory.expired(); }));
  EXPECT_TRUE(context.compilations.idle_within(kPatience));
  const int compiled = slowest.compilations;
  gpu.dead = true;
  EXPECT_EQ(ask(), 2);
  EXPECT_EQ(slowest.compilations, compiled);
  servable.reset();
}

}  // namespace
}  // namespace ocelli::serving
