// A model's device plan while it serves: who answers, who takes over, who comes back, and whether the board says so.
#include <future>

#include "serving/device_plan_fixture.hpp"

namespace ocelli::serving {
namespace {

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

TEST_F(DevicePlanTest, WhatOneDeviceRefusesAnotherMayTake) {
  for (const bool startup_fallback : {false, true}) {
    gpu.takes_settings = startup_fallback;
    cpu.takes_settings = !startup_fallback;
    auto made = options(Use::kFirst);
    made.policy.startup_fallback = startup_fallback;
    ASSERT_TRUE(open(std::move(made)).ok());
    EXPECT_EQ(ask(), startup_fallback ? 1 : 2);
    const auto refused = report(startup_fallback ? 1 : 0);
    EXPECT_EQ(refused.state, DeviceState::kFailed);
    EXPECT_EQ(refused.reason, "the device does not know the setting");
  }
  gpu.takes_settings = cpu.takes_settings = false;
  EXPECT_EQ(open(options(Use::kFirst)).to_string(),
            "INVALID_ARGUMENT: CPU: the device does not know the setting; GPU: the device does not know the setting");
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
