// Models under one budget: who makes room, who waits, who is refused, and why.
#include "serving/device_memory_fixture.hpp"

namespace ocelli::serving {
namespace {

TEST_F(SharedMemoryTest, TheLeastRecentlyUsedMakesRoomAndComesBack) {
  share(20);
  ASSERT_TRUE(open(a).ok());
  ASSERT_TRUE(open(b).ok());
  EXPECT_EQ(ask(b), 2);
  EXPECT_EQ(ask(a), 1);
  ASSERT_TRUE(open(c).ok());
  EXPECT_EQ(b.state(), DeviceState::kIdle);
  EXPECT_FALSE(b.loaded());
  EXPECT_EQ(b.report().reason, "not in use, for Model c version 1");
  EXPECT_EQ(b.report().info.memory_bytes, 10U) << "what it takes is known while it is away";
  EXPECT_EQ(a.state(), DeviceState::kServing);
  EXPECT_EQ(used(), 20U);

  EXPECT_EQ(ask(c), 3);
  EXPECT_EQ(ask(b), 2) << "the request waits until the model is back";
  EXPECT_EQ(a.state(), DeviceState::kIdle);
  EXPECT_EQ(c.state(), DeviceState::kServing);
  EXPECT_TRUE(becomes(b, DeviceState::kServing)) << "the report may follow the answer";
  EXPECT_EQ(b.report().reason, "");
  EXPECT_EQ(b.compilations, 2);
  EXPECT_EQ(b.servable->metrics().device_unloads.load(), 1U);
  EXPECT_TRUE(soon([&] { return b.servable->metrics().device_returns.load() == 1; }));
  EXPECT_EQ(used(), 20U);
}

TEST_F(SharedMemoryTest, OnlyAsManyGoAsAreNeeded) {
  Model large("large", 9, 15);
  share(30);
  for (auto* model : {&a, &b, &c}) ASSERT_TRUE(open(*model).ok());
  EXPECT_EQ(ask(a), 1);
  ASSERT_TRUE(open(large).ok());
  EXPECT_EQ(b.state(), DeviceState::kIdle);
  EXPECT_EQ(c.state(), DeviceState::kIdle);
  EXPECT_EQ(a.state(), DeviceState::kServing);
  EXPECT_EQ(used(), 25U);
  large.servable.reset();
  EXPECT_TRUE(soon([&] { return used() == 10; })) << "an unloaded model gives back what it had";
}

TEST_F(SharedMemoryTest, AModelLargerThanTheBudgetFailsAtOnceWithTheFigures) {
  Model large("large", 9, 21'500'000);
  share(20'000'000);
  ASSERT_TRUE(open(a).ok());
  const auto status = open(large);
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(std::string(status.message()),
            "Model large version 1 needs 21.5 MB on SIM, which is more than the whole budget of 20.0 MB "
            "(--device_memory)");
  EXPECT_EQ(large.compilations, 0);
  EXPECT_EQ(a.state(), DeviceState::kServing) << "nobody goes for one that never fits";
}

TEST_F(SharedMemoryTest, WhatTheRuntimeSaysAfterCompilingCounts) {
  share(20);
  ASSERT_TRUE(open(a).ok());
  auto device = b.device("DEVICE");
  device.memory_bytes = 1;  // the files are small, the model is not
  ASSERT_TRUE(open(b, {device}).ok());
  EXPECT_EQ(used(), 20U);
  auto third = c.device("DEVICE");
  third.memory_bytes = 0;
  ASSERT_TRUE(open(c, {third}).ok());
  EXPECT_EQ(used(), 20U);
  EXPECT_EQ(a.state(), DeviceState::kIdle);
}

TEST_F(SharedMemoryTest, FormsThatAreTriedBehindAModelThatServesGiveTheirMemoryBack) {
  share(100);
  a.full = [] {
    std::this_thread::sleep_for(milliseconds(1));  // what a run takes; quicker ones are not batched
    return false;
  };
  std::promise<void> decided;
  auto better = a.device("BETTER");
  better.compile = [&](const std::stop_token&, bool) -> Result<scheduling::ExecutorSpec> {
    decided.get_future().wait();
    return failed_precondition("the device refuses the model");
  };
  std::atomic<int> forms{0};
  auto quick = a.device("QUICK", true);
  quick.compile = [&](const std::stop_token&, bool) {
    auto spec = a.compile();
    spec->compile_for_batch = [&](std::uint32_t) -> Result<std::shared_ptr<CompiledModel>> {
      ++forms;
      return failed_precondition("the model has one form only");
    };
    return spec;
  };
  ASSERT_TRUE(open(a, {better, quick}, Use::kFirst).ok());
  EXPECT_EQ(ask(a), 1);
  EXPECT_EQ(forms, 0) << "requests do not wait for that";
  decided.set_value();
  EXPECT_TRUE(soon([&] { return forms > 0; }));
  ASSERT_TRUE(context->compilations.idle_within(kPatience));
  EXPECT_EQ(used(), 10U);
  EXPECT_EQ(a.report(1).info.memory_bytes, 10U);
  EXPECT_EQ(ask(a), 1);
}

TEST_F(SharedMemoryTest, WhatAModelTakesIsKnownAlsoAfterItsBatchesGaveOtherRows) {
  share(15, hours(1));
  a.batches = true;
  auto device = a.device("DEVICE");
  device.memory_bytes = 1;  // the files are small, the model is not
  ASSERT_TRUE(open(a, {device}).ok());
  a.gives_nothing = true;
  EXPECT_TRUE(send(a, 0)->wait());
  a.in_memory.lock()->wait_until_told();
  EXPECT_TRUE(soon([&] { return a.report().info.note.ends_with("gave other rows than it was given"); }));
  a.gives_nothing = false;
  ASSERT_TRUE(open(b).ok());
  ASSERT_EQ(a.state(), DeviceState::kIdle);
  b.in_memory.lock()->hold();
  const auto busy = send(b, 0);
  const auto waiting = send(a, 0);
  EXPECT_TRUE(soon([&] { return a.report().reason.starts_with("waits for memory: Model a version 1 needs 10 B"); }));
  EXPECT_EQ(a.compilations, 1) << "it is not compiled before there is room for it";
  b.in_memory.lock()->release();
  EXPECT_TRUE(busy->wait());
  ASSERT_TRUE(waiting->wait());
  EXPECT_EQ(waiting->value(), 1);
  EXPECT_EQ(a.compilations, 2);
}

TEST_F(SharedMemoryTest, ABusyModelIsNeverTakenAndTheLoadSaysWhoHasWhat) {
  share(20, hours(1), milliseconds(60));
  ASSERT_TRUE(open(a).ok());
  ASSERT_TRUE(open(b).ok());
  for (auto* model : {&a, &b}) model->in_memory.lock()->hold();
  const auto at_a = send(a, 0);
  const auto at_b = send(b, 0);
  const auto status = open(c);
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(std::string(status.message()),
            "Model c version 1 needs 10 B on SIM; of the budget of 20 B (--device_memory) 20 B are in use: Model a "
            "version 1 has 10 B, Model b version 1 has 10 B");
  EXPECT_EQ(c.compilations, 0);
  for (auto* model : {&a, &b}) model->in_memory.lock()->release();
  ASSERT_TRUE(at_a->wait());
  ASSERT_TRUE(at_b->wait());
  EXPECT_EQ(at_a->value(), 1);
  EXPECT_EQ(at_b->value(), 2);
  EXPECT_EQ(a.compilations + b.compilations, 2);
}

TEST_F(SharedMemoryTest, ALoadWaitsForABusyModelToEnd) {
  share(10, milliseconds(1));
  ASSERT_TRUE(open(a).ok());
  const auto held = a.in_memory.lock();
  held->hold();
  const auto running = send(a, 0);
  std::thread load([&] { EXPECT_TRUE(open(b).ok()); });
  EXPECT_TRUE(soon([&] { return context->memory.lines().at("SIM").used == 10; }));
  held->release();
  load.join();
  ASSERT_TRUE(running->wait());
  EXPECT_EQ(running->value(), 1);
  EXPECT_EQ(held->cancels(), 0);
  EXPECT_EQ(a.state(), DeviceState::kIdle);
}

// Estimated at a quarter of what it takes.
TEST_F(SharedMemoryTest, ALoadWaitsAlsoWhenTheModelTurnsOutLarger) {
  share(30, kPatience);
  Model big{"b", 2, 20};
  Model busy{"a", 1, 20};
  ASSERT_TRUE(open(busy).ok());
  busy.in_memory.lock()->hold();
  auto client = send(busy, 0);
  auto device = big.device("DEVICE");
  device.memory_bytes = 5;
  std::vector<PlannedDevice> devices;
  devices.push_back(std::move(device));
  auto loading = std::async(std::launch::async, [&] { return open(big, std::move(devices)); });
  EXPECT_EQ(loading.wait_for(milliseconds(100)), std::future_status::timeout);
  busy.in_memory.lock()->release();
  EXPECT_TRUE(client->wait());
  const auto status = loading.get();
  EXPECT_TRUE(status.ok()) << status.to_string();
}

TEST_F(SharedMemoryTest, ALoadThatWaitsEndsWithTheProgram) {
  share(10, hours(1), hours(1));
  ASSERT_TRUE(open(a).ok());
  a.in_memory.lock()->hold();
  const auto running = send(a, 0);
  std::promise<Status> loaded;
  std::thread load([&] { loaded.set_value(open(b)); });
  auto outcome = loaded.get_future();
  EXPECT_EQ(outcome.wait_for(milliseconds(100)), std::future_status::timeout) << "it waits";
  context->ending.request_stop();
  const bool ended = outcome.wait_for(kPatience) == std::future_status::ready;
  a.in_memory.lock()->release();
  ASSERT_TRUE(running->wait());
  EXPECT_EQ(running->value(), 1) << "what serves goes on";
  ASSERT_TRUE(ended);
  load.join();
  const auto status = outcome.get();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("waited for memory: Model b version 1 needs 10 B"));
  EXPECT_EQ(open(c).code(), StatusCode::kUnavailable) << "nothing is begun any more";
  EXPECT_EQ(c.compilations, 0);
}

// As when another model is to be unloaded, which waits for the load.
TEST_F(SharedMemoryTest, ALoadThatOthersWaitForDoesNotWaitForMemory) {
  share(10, hours(1), hours(1));
  ASSERT_TRUE(open(a).ok());
  a.in_memory.lock()->hold();
  const auto running = send(a, 0);
  auto loaded = std::async(std::launch::async, [&] { return open(b); });
  EXPECT_EQ(loaded.wait_for(milliseconds(100)), std::future_status::timeout) << "it waits";
  context->hurried = 1;
  ASSERT_EQ(loaded.wait_for(kPatience), std::future_status::ready);
  const auto status = loaded.get();
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("it waits for that no longer, because others wait for it"));
  a.in_memory.lock()->release();
  EXPECT_TRUE(running->wait());
}

TEST_F(SharedMemoryTest, ModelsThatAreAlwaysBusyTakeTurns) {
  share(10, milliseconds(1));
  ASSERT_TRUE(open(a).ok());
  ASSERT_TRUE(open(b).ok());
  std::atomic<bool> enough{false};
  std::atomic<int> failed{0};
  std::vector<std::thread> clients;
  for (auto* model : {&a, &a, &a, &b, &b, &b}) {
    clients.emplace_back([&, model] {
      while (!enough) {
        const auto client = send(*model, 0);
        failed += client->wait() && client->call.status.ok() && client->value() == model->number ? 0 : 1;
      }
    });
  }
  const auto back = [](const Model& model) { return model.servable->metrics().device_returns.load(); };
  EXPECT_TRUE(soon([&] { return back(a) >= 3 && back(b) >= 3; })) << back(a) << " " << back(b);
  enough = true;
  for (auto& client : clients) client.join();
  EXPECT_EQ(failed, 0);
}

TEST_F(SharedMemoryTest, ARequestThatWaitsForMemoryKeepsItsDeadline) {
  share(10, hours(1));
  ASSERT_TRUE(open(a).ok());
  ASSERT_TRUE(open(b).ok());
  ASSERT_EQ(a.state(), DeviceState::kIdle);
  b.in_memory.lock()->hold();
  const auto busy = send(b, 0);
  const auto late = send(a, 0, milliseconds(80));
  EXPECT_TRUE(becomes(a, DeviceState::kCompiling));
  EXPECT_TRUE(soon([&] { return a.report().reason.starts_with("waits for memory: Model a version 1 needs 10 B"); }));
  ASSERT_TRUE(late->wait());
  EXPECT_EQ(late->call.status.code(), StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(becomes(a, DeviceState::kIdle)) << "nobody waits for it any more";
  EXPECT_EQ(a.compilations, 1);
  b.in_memory.lock()->release();
  ASSERT_TRUE(busy->wait());
  EXPECT_EQ(busy->value(), 2);
}

TEST_F(SharedMemoryTest, LongRunsInOneMemoryHoldUpNobodyInAnother) {
  share(10);
  c.memory = d.memory = "SIM2";
  e.memory = f.memory = "SIM3";
  for (auto* model : {&a, &b, &c, &d, &e, &f}) ASSERT_TRUE(open(*model).ok());
  std::vector<std::shared_ptr<Client>> busy;
  for (auto* model : {&b, &d}) {
    model->in_memory.lock()->hold();
    busy.push_back(send(*model, 0));
  }
  std::vector<std::shared_ptr<Client>> waiting;
  for (auto* model : {&a, &c}) waiting.push_back(send(*model, 0));
  for (auto* model : {&a, &c}) {
    EXPECT_TRUE(soon([&] { return model->report().reason.starts_with("waits for memory"); })) << model->name;
  }
  EXPECT_EQ(ask(e), 5);
  EXPECT_EQ(ask(f), 6);
  EXPECT_FALSE(busy[0]->is_done() || busy[1]->is_done());
  for (auto* model : {&b, &d}) model->in_memory.lock()->release();
  for (const auto& client : busy) EXPECT_TRUE(client->wait() && client->call.status.ok());
  for (const auto& client : waiting) EXPECT_TRUE(client->wait() && client->call.status.ok());
}

// The one that leaves has requests of its own that wait for it to come back.
TEST_F(SharedMemoryTest, WhoWaitedForALongRunComesFirst) {
  share(10);
  ASSERT_TRUE(open(a).ok());
  ASSERT_TRUE(open(b).ok());
  b.in_memory.lock()->hold();
  const auto running = send(b, 0);
  const auto waiting = send(a, 0);
  // It says so between two times that it asks.
  ASSERT_TRUE(soon([&] { return a.report().reason.starts_with("waits for memory"); }));
  EXPECT_TRUE(context->memory.anybody_leaves("SIM"));
  const auto next = send(b, 0);
  std::atomic<int> before_b{0};
  b.before_compile = [&] { before_b = a.compilations.load(); };
  ASSERT_EQ(a.compilations, 1);
  b.in_memory.lock()->release();
  ASSERT_TRUE(waiting->wait() && next->wait());
  EXPECT_EQ(waiting->value(), 1);
  EXPECT_EQ(next->value(), 2);
  EXPECT_EQ(before_b, 2) << "a came back first";
}

TEST_F(SharedMemoryTest, WaitingForMemoryEndsAfterAWhileWithTheReason) {
  share(10, hours(1), milliseconds(50));
  ASSERT_TRUE(open(a).ok());
  ASSERT_TRUE(open(b).ok());
  b.in_memory.lock()->hold();
  const auto busy = send(b, 0);
  EXPECT_EQ(ask(a), -1);
  EXPECT_EQ(last.code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(last.message()), HasSubstr("Model b version 1 has 10 B"));
  b.in_memory.lock()->release();
  ASSERT_TRUE(busy->wait());
  b.servable.reset();
  busy->call.servable.reset();
  EXPECT_TRUE(soon([&] { return ask(a) == 1; })) << "it comes back by itself";
}

TEST_F(SharedMemoryTest, WhereOneMemberWaitsForMemoryAnotherOneIsWoken) {
  share(10, hours(1));
  std::vector<PlannedDevice> devices;
  devices.push_back(a.device("FIRST"));
  devices.push_back(a.device("SECOND"));
  devices[1].memory = c.memory = "SIM2";
  ASSERT_TRUE(open(a, std::move(devices)).ok());
  ASSERT_TRUE(open(b).ok());
  ASSERT_TRUE(open(c).ok());
  ASSERT_TRUE(a.state(0) == DeviceState::kIdle && a.state(1) == DeviceState::kIdle);
  b.in_memory.lock()->hold();
  const auto busy = send(b, 0);
  EXPECT_EQ(ask(a), 1);
  EXPECT_EQ(a.state(1), DeviceState::kServing);
  EXPECT_FALSE(busy->is_done());
  b.in_memory.lock()->release();
  EXPECT_TRUE(busy->wait());
}

TEST_F(SharedMemoryTest, OneThatWaitedInVainComesBackBesideAModelThatIsAlwaysBusy) {
  share(10, milliseconds(300), milliseconds(20));
  ASSERT_TRUE(open(a).ok());
  ASSERT_TRUE(open(b).ok());
  b.in_memory.lock()->hold();
  const auto busy = send(b, 0);
  EXPECT_EQ(ask(a), -1) << "b's turn lasts";
  EXPECT_TRUE(soon([&] { return context->memory.anybody_leaves("SIM"); })) << "it is over";
  b.in_memory.lock()->release();
  EXPECT_TRUE(busy->wait());
  EXPECT_TRUE(becomes(a, DeviceState::kServing));
}

TEST_F(SharedMemoryTest, AModelThatCannotComeBackSaysWhyAndIsTriedAgain) {
  share(10);
  ASSERT_TRUE(open(a).ok());
  ASSERT_TRUE(open(b).ok());
  a.refuses = true;
  EXPECT_EQ(ask(a), -1);
  EXPECT_EQ(last.code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(last.message()), HasSubstr("the device refuses the model"));
  a.refuses = false;
  EXPECT_TRUE(soon([&] { return ask(a) == 1; }));
}

// Always at work, and goes when it is asked to, but never is gone.
struct BusyTenant final : MemoryTenant {
  Occupation occupation(std::size_t) noexcept override { return {use, Clock::now()}; }
  bool give_up(std::size_t, TimePoint, const std::string&) noexcept override { return false; }
  bool begin_to_leave(std::size_t, const std::string& why) noexcept override {
    reason = why;
    return true;
  }
  Use use = Use::kBusy;
  std::string reason;
};

// Else models that ask often would be all that run.
TEST(DeviceMemory, AModelWhoseTurnIsOverGoesForTheOneThatHasWaitedLongest) {
  scheduling::Timer timer;
  DeviceMemoryOptions options;
  options.limits["SIM"] = 10;
  options.turn = milliseconds(50);
  DeviceMemory memory(std::move(options), timer);
  const auto busy = std::make_shared<BusyTenant>();
  const auto ask = [&](const std::string& label, const std::shared_ptr<BusyTenant>& tenant) {
    return memory.claim({"SIM", label, tenant, 0, 10, true});
  };
  const auto held = ask("busy", busy);
  ASSERT_TRUE(held.ok());
  memory.begin_turn(**held, 10, Duration::zero());
  const auto first = std::make_shared<BusyTenant>();
  const auto second = std::make_shared<BusyTenant>();
  EXPECT_FALSE(ask("first", first).ok());
  EXPECT_TRUE(test::eventually([&] {
    EXPECT_FALSE(ask("second", second).ok());
    EXPECT_FALSE(ask("first", first).ok());
    return !busy->reason.empty();
  }));
  EXPECT_EQ(busy->reason, "its turn is over, for first");
}

// A model with an open sequence keeps its memory for as long as the sequence lasts.
TEST(DeviceMemory, OneForWhomNobodyCanMakeRoomHoldsUpNobodyElse) {
  scheduling::Timer timer;
  DeviceMemoryOptions options;
  options.limits["SIM"] = 10;
  options.turn = milliseconds(1);
  DeviceMemory memory(std::move(options), timer);
  const auto ask = [&](const std::string& label, const std::shared_ptr<BusyTenant>& tenant, std::uint64_t bytes) {
    return memory.claim({"SIM", label, tenant, 0, bytes, true});
  };
  const auto in_sequence = std::make_shared<BusyTenant>();
  in_sequence->use = MemoryTenant::Use::kHeld;
  const auto kept = ask("in a sequence", in_sequence, 4);
  ASSERT_TRUE(kept.ok());
  memory.begin_turn(**kept, 4, Duration::zero());
  const auto busy = std::make_shared<BusyTenant>();
  const auto held = ask("busy", busy, 6);
  ASSERT_TRUE(held.ok());
  memory.begin_turn(**held, 6, Duration::zero());
  const auto large = std::make_shared<BusyTenant>();
  const auto small = std::make_shared<BusyTenant>();
  EXPECT_TRUE(test::eventually([&] {
    EXPECT_FALSE(ask("large", large, 8).ok());
    EXPECT_FALSE(ask("small", small, 6).ok());
    return !busy->reason.empty();
  }));
  EXPECT_EQ(busy->reason, "its turn is over, for small");
}

}  // namespace
}  // namespace ocelli::serving
