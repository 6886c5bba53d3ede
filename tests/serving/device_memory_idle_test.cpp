// Models that give a device's memory back: because it is full, because they are idle, and while requests come.
#include "serving/device_memory_fixture.hpp"

namespace ocelli::serving {
namespace {

TEST_F(SharedMemoryTest, ARuntimeThatIsOutOfMemoryGetsThatOfIdleModels) {
  share(0);
  ASSERT_TRUE(open(a).ok());
  b.full_compilations = 1;
  ASSERT_TRUE(open(b).ok());
  EXPECT_EQ(b.compilations, 2);
  EXPECT_EQ(a.state(), DeviceState::kIdle);
  EXPECT_THAT(a.report().reason, HasSubstr("SIM is out of memory"));
  c.full_compilations = 2;
  const auto status = open(c);
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted) << "it is tried again once";
  EXPECT_EQ(std::string(status.message()), "the device is full");
  EXPECT_EQ(ask(a), 1);
}

TEST_F(SharedMemoryTest, ARunThatIsOutOfMemoryIsTriedAgainWithoutIdleModels) {
  share(0);
  ASSERT_TRUE(open(a).ok());
  ASSERT_TRUE(open(b).ok());
  a.full = [this] { return b.loaded(); };
  a.runs = 0;
  EXPECT_EQ(ask(a), 1);
  EXPECT_EQ(a.runs, 1);
  EXPECT_EQ(b.state(), DeviceState::kIdle);
  EXPECT_EQ(a.compilations, 1);
  EXPECT_EQ(a.report().reason, "");
  b.servable.reset();
  a.full = [] { return true; };
  EXPECT_EQ(ask(a), -1) << "with nobody to take off it fails as before";
  EXPECT_EQ(last.code(), StatusCode::kResourceExhausted);
}

// As when engines are built for other models, which takes minutes.
TEST_F(SharedMemoryTest, NoRequestWaitsForTheCompilationsOfOthers) {
  share(0);
  std::promise<void> end;
  const auto ended = end.get_future().share();
  for (std::size_t i = 0; i < ServingContext::kCompilationThreads; ++i)
    ASSERT_TRUE(context->compilations.submit([ended] { ended.wait(); }));
  ASSERT_TRUE(open(a).ok());
  ASSERT_TRUE(open(b).ok());
  a.full = [this] { return b.loaded(); };
  const auto relieved = send(a, 0, seconds(20));
  EXPECT_TRUE(relieved->wait());
  EXPECT_TRUE(relieved->call.status.ok()) << "memory is freed: " << relieved->call.status.to_string();
  EXPECT_EQ(b.state(), DeviceState::kIdle);
  a.full = nullptr;
  const auto returned = send(b, 0, seconds(20));
  EXPECT_TRUE(returned->wait());
  EXPECT_TRUE(returned->call.status.ok()) << "an idle model comes back: " << returned->call.status.to_string();
  end.set_value();
}

TEST_F(SharedMemoryTest, AFullDeviceDoesNotWaitForModelsThatComeBack) {
  share(10);
  for (auto* model : {&c, &e}) ASSERT_TRUE(open(*model).ok());
  d.memory = f.memory = "SIM3";
  for (auto* model : {&d, &f}) ASSERT_TRUE(open(*model).ok());
  ASSERT_TRUE(c.state() == DeviceState::kIdle && d.state() == DeviceState::kIdle);
  std::promise<void> end;
  const auto ended = end.get_future().share();
  for (auto* model : {&c, &d}) model->before_compile = [ended] { ended.wait(); };
  std::vector<std::shared_ptr<Client>> returning;
  for (auto* model : {&c, &d}) returning.push_back(send(*model, 0));
  for (auto* model : {&c, &d}) EXPECT_TRUE(soon([&] { return model->compilations == 2; }));
  a.memory = b.memory = "SIM4";  // without a limit
  for (auto* model : {&a, &b}) ASSERT_TRUE(open(*model).ok());
  a.full = [this] { return b.loaded(); };
  EXPECT_EQ(ask(a), 1);
  EXPECT_FALSE(returning[0]->is_done() || returning[1]->is_done());
  end.set_value();
  for (const auto& client : returning) EXPECT_TRUE(client->wait() && client->call.status.ok());
}

TEST_F(SharedMemoryTest, IdleModelsLeaveWhenTheirTimeHasCome) {
  share(0, milliseconds(500), seconds(20), hours(1));
  ASSERT_TRUE(open(a).ok());
  ASSERT_TRUE(open(b).ok());
  EXPECT_EQ(context->memory.free_unused(Clock::now()), 0U);
  b.in_memory.lock()->hold();
  const auto busy = send(b, 0);
  EXPECT_EQ(context->memory.free_unused(Clock::now() + hours(2)), 1U);
  EXPECT_EQ(a.state(), DeviceState::kIdle);
  EXPECT_THAT(a.report().reason, HasSubstr("not used for 72"));
  EXPECT_FALSE(a.loaded());
  EXPECT_EQ(b.state(), DeviceState::kServing) << "one that works is not idle";
  b.in_memory.lock()->release();
  ASSERT_TRUE(busy->wait());
  EXPECT_EQ(ask(a), 1);
  EXPECT_GT(a.report().warm_up_time, Duration::zero());
  EXPECT_EQ(used(), 20U);
}

TEST_F(SharedMemoryTest, IdleModelsLeaveByThemselves) {
  share(0, Duration::zero(), seconds(20), milliseconds(20));
  ASSERT_TRUE(open(a).ok());
  EXPECT_TRUE(becomes(a, DeviceState::kIdle));
  EXPECT_EQ(ask(a), 1);
}

TEST_F(SharedMemoryTest, AModelMayHaveAnIdleTimeOfItsOwn) {
  share(0, Duration::zero(), seconds(20), hours(1));
  a.idle_after = Duration::zero();
  b.idle_after = hours(3);
  for (auto* model : {&a, &b, &c}) ASSERT_TRUE(open(*model).ok());
  EXPECT_EQ(context->memory.free_unused(Clock::now() + hours(2)), 1U);
  EXPECT_EQ(c.state(), DeviceState::kIdle);
  EXPECT_EQ(context->memory.free_unused(Clock::now() + hours(4)), 1U);
  EXPECT_EQ(b.state(), DeviceState::kIdle);
  EXPECT_EQ(context->memory.free_unused(Clock::now() + hours(400)), 0U);
  EXPECT_EQ(a.state(), DeviceState::kServing);
}

TEST_F(SharedMemoryTest, OneModelsIdleTimeNeedsNoneOfTheServer) {
  share(0);
  b.idle_after = milliseconds(20);
  ASSERT_TRUE(open(a).ok());
  ASSERT_TRUE(open(b).ok());
  EXPECT_TRUE(becomes(b, DeviceState::kIdle));
  EXPECT_EQ(a.state(), DeviceState::kServing);
  EXPECT_EQ(ask(b), 2);
}

TEST_F(SharedMemoryTest, AModelWithAnOpenSequenceStays) {
  share(0, Duration::zero(), seconds(20), hours(1));
  a.stateful = true;
  ASSERT_TRUE(open(a).ok());
  const auto step = [&](std::uint32_t control) {
    Client client;
    const auto one = [](DataType type, auto value) {
      auto buffer = Buffer::allocate(sizeof value);
      std::memcpy(buffer->data(), &value, sizeof value);
      return Tensor::of(type, {1}, std::move(buffer), 0, sizeof value);
    };
    client.call.servable = a.servable;
    client.call.completion = &client;
    auto value = one(DataType::kFp32, 1.0F);
    value.view.shape = {1, 1};
    client.call.inputs.push_back({"b", std::move(value)});
    client.call.inputs.push_back({"sequence_id", one(DataType::kUint64, std::uint64_t{7})});
    client.call.inputs.push_back({"sequence_control_input", one(DataType::kUint32, control)});
    a.servable->infer(client.call);
    EXPECT_TRUE(client.wait());
    EXPECT_TRUE(client.call.status.ok()) << client.call.status.to_string();
  };
  step(1);
  EXPECT_EQ(context->memory.free_unused(Clock::now() + hours(2)), 0U);
  step(2);
  EXPECT_TRUE(soon([&] { return context->memory.free_unused(Clock::now() + hours(2)) == 1; }));
}

TEST_F(SharedMemoryTest, EachMemberOfAListIsForItself) {
  share(20);
  ASSERT_TRUE(open(a, {a.device("FIRST"), a.device("SECOND")}).ok());
  EXPECT_EQ(used(), 20U);
  EXPECT_EQ(ask(a), 1);
  ASSERT_TRUE(open(b).ok());
  EXPECT_EQ(a.state(0), DeviceState::kServing);
  EXPECT_EQ(a.state(1), DeviceState::kIdle);
  EXPECT_EQ(ask(a), 1);
  EXPECT_EQ(a.state(1), DeviceState::kIdle) << "the first was free, so the second is not needed";
}

TEST_F(SharedMemoryTest, AListThatNeedsAllItsMembersDoesNotTakeItsOwnOff) {
  share(15);
  const auto status = open(a, {a.device("FIRST"), a.device("SECOND")});
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(),
            "Model a version 1, on 2 devices needs 20 B on SIM, which is more than the whole budget of 15 B "
            "(--device_memory)");
  EXPECT_EQ(a.compilations, 0);
  // Where that shows only when they are compiled.
  auto first = a.device("FIRST");
  auto second = a.device("SECOND");
  first.memory_bytes = second.memory_bytes = 0;
  const auto found_out = open(a, {std::move(first), std::move(second)});
  EXPECT_EQ(found_out.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(found_out.message(), "SECOND: " + std::string(status.message()));
  EXPECT_FALSE(a.loaded());
  EXPECT_TRUE(soon([&] { return used() == 0; }));
}

TEST_F(SharedMemoryTest, AMemberThatStandsByHoldsNothingAndDoesNotStepInForAnIdleOne) {
  share(10);
  ASSERT_TRUE(open(a, {a.device("BEST"), a.device("OTHER")}, Use::kFirst).ok());
  EXPECT_EQ(used(), 10U);
  ASSERT_TRUE(open(b).ok());
  EXPECT_EQ(a.state(0), DeviceState::kIdle);
  EXPECT_EQ(a.state(1), DeviceState::kStandby);
  EXPECT_EQ(ask(a), 1);
  EXPECT_TRUE(becomes(a, DeviceState::kServing));
  EXPECT_EQ(a.state(1), DeviceState::kStandby);
}

TEST_F(SharedMemoryTest, UnloadingWhileItWaitsForMemory) {
  share(10, hours(1));
  ASSERT_TRUE(open(a).ok());
  ASSERT_TRUE(open(b).ok());
  b.in_memory.lock()->hold();
  const auto busy = send(b, 0);
  const auto waiting = send(a, 0);
  EXPECT_TRUE(becomes(a, DeviceState::kCompiling));
  EXPECT_TRUE(a.servable->drain(Duration::zero()));
  ASSERT_TRUE(waiting->wait());
  EXPECT_EQ(waiting->call.status.code(), StatusCode::kUnavailable);
  waiting->call.servable.reset();
  a.servable.reset();
  b.in_memory.lock()->release();
  ASSERT_TRUE(busy->wait());
  EXPECT_EQ(busy->value(), 2);
}

TEST_F(SharedMemoryTest, NoRequestIsLostWhileModelsComeAndGo) {
  share(20, milliseconds(1), seconds(20), hours(1));
  for (auto* model : {&a, &b, &c}) ASSERT_TRUE(open(*model).ok());
  std::atomic<bool> enough{false};
  std::atomic<int> failed{0};
  std::vector<std::thread> clients;
  for (auto* model : {&a, &b, &c, &a, &b, &c}) {
    clients.emplace_back([&, model] {
      for (int i = 0; i < 150; ++i) {
        const auto client = send(*model, static_cast<float>(i));
        const bool right =
            client->wait() && client->call.status.ok() && client->value() == static_cast<float>(i) + model->number;
        failed += right ? 0 : 1;
      }
    });
  }
  std::thread sweeper([&] {
    while (!enough) {
      context->memory.free_unused(Clock::now() + hours(2));
      std::this_thread::yield();
    }
  });
  for (auto& client : clients) client.join();
  enough = true;
  sweeper.join();
  EXPECT_EQ(failed, 0);
  EXPECT_LE(used(), 20U);
  EXPECT_GT(a.compilations, 1);
}

}  // namespace
}  // namespace ocelli::serving
