// Models that share a device's memory: who makes room, who waits, who comes back, and that no request is lost by it.
#include "serving/device_memory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "serving/model_servable.hpp"
#include "support/fake_model.hpp"

namespace ocelli::serving {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using Use = DevicePolicy::Use;

constexpr auto kPatience = seconds(20);

struct Client final : CallCompletion {
  void on_call_done(InferenceCall&) noexcept override {
    const std::lock_guard lock(mutex);
    done = true;
    changed.notify_all();
  }
  bool wait() {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, kPatience, [this] { return done; });
  }
  bool is_done() {
    const std::lock_guard lock(mutex);
    return done;
  }
  float value() const { return *reinterpret_cast<const float*>(call.outputs.at(0).tensor.view.data); }

  InferenceCall call;
  std::mutex mutex;
  std::condition_variable changed;
  bool done = false;
};

// One model on one or several devices. It adds its number to what it is given, so that answers say who gave them.
struct Model {
  Model(std::string given, float adds, std::uint64_t takes) : name(std::move(given)), number(adds), bytes(takes) {}

  Result<scheduling::ExecutorSpec> compile() {
    ++compilations;
    if (refuses) return failed_precondition("the device refuses the model");
    if (full_compilations > 0) {
      --full_compilations;
      return Status(StatusCode::kResourceExhausted, "the device is full");
    }
    const auto kernel = [this](const std::vector<TensorView>& in, std::vector<Tensor>& out) -> Status {
      if (full && full()) return {StatusCode::kResourceExhausted, "no memory for the run"};
      ++runs;
      return test::add_kernel(number)(in, out);
    };
    auto made = std::make_shared<test::FakeModel>(test::add_signature(PartialShape::from({1, 1})), kernel);
    made->mutable_info().memory_bytes = bytes;
    made->is_stateful = stateful;
    in_memory = made;
    scheduling::ExecutorSpec spec;
    spec.model = std::move(made);
    return spec;
  }
  PlannedDevice device(const char* target, bool quick = false) {
    PlannedDevice made;
    made.target = target;
    made.memory = "SIM";
    made.memory_bytes = bytes;
    made.quick = quick;
    made.compile = [this](const std::stop_token&, bool) { return compile(); };
    return made;
  }
  bool loaded() const { return !in_memory.expired(); }
  DeviceReport report(std::size_t position = 0) const { return servable->metadata().device_reports().at(position); }
  DeviceState state(std::size_t position = 0) const { return report(position).state; }

  const std::string name;
  const float number;
  const std::uint64_t bytes;
  bool stateful = false;
  std::atomic<int> compilations{0};
  std::atomic<int> full_compilations{0};
  std::atomic<bool> refuses{false};
  std::atomic<int> runs{0};
  std::function<bool()> full;
  std::weak_ptr<test::FakeModel> in_memory;
  std::shared_ptr<ModelServable> servable;
};

struct SharedMemoryTest : testing::Test {
  void share(std::uint64_t limit, Duration turn = Duration::zero(), Duration patience = seconds(20),
             Duration idle_after = Duration::zero()) {
    DeviceMemoryOptions options;
    if (limit > 0) options.limits["SIM"] = limit;
    options.turn = turn;
    options.patience = patience;
    options.idle_after = idle_after;
    context = std::make_unique<ServingContext>(pool, Log(), 1, std::move(options));
  }
  Status open(Model& model, std::vector<PlannedDevice> devices = {}, Use use = Use::kAll) {
    ModelServableOptions made;
    made.name = model.name;
    made.inline_below = Duration::zero();
    made.policy.use = use;
    made.policy.first_retry = milliseconds(5);
    made.policy.last_retry = milliseconds(20);
    made.stateful.enabled = model.stateful;
    if (devices.empty()) devices.push_back(model.device("DEVICE"));
    made.devices = std::move(devices);
    auto result = ModelServable::create(std::move(made), *context);
    if (result.ok()) model.servable = *result;
    return result.ok() ? Status() : result.status();
  }
  static std::shared_ptr<Client> send(Model& model, float value, Duration limit = {}) {
    auto client = std::make_shared<Client>();
    auto buffer = Buffer::allocate(sizeof value);
    std::memcpy(buffer->data(), &value, sizeof value);
    client->call.servable = model.servable;
    client->call.completion = client.get();
    if (limit > Duration::zero()) client->call.deadline = Clock::now() + limit;
    client->call.inputs.push_back({"b", Tensor::of(DataType::kFp32, {1, 1}, std::move(buffer), 0, sizeof value)});
    model.servable->infer(client->call);
    return client;
  }
  // The model's number; -1 when it fails.
  float ask(Model& model) {
    const auto client = send(model, 0);
    EXPECT_TRUE(client->wait());
    last = client->call.status;
    return last.ok() ? client->value() : -1.0F;
  }
  template <typename Condition>
  static bool soon(const Condition& condition) {
    for (const auto end = Clock::now() + kPatience; Clock::now() < end;) {
      if (condition()) return true;
      std::this_thread::sleep_for(milliseconds(1));
    }
    return false;
  }
  bool becomes(const Model& model, DeviceState state) {
    return soon([&] { return model.state() == state; });
  }
  std::uint64_t used() const { return context->memory.lines().at("SIM").used; }
  void TearDown() override {
    for (auto* model : {&a, &b, &c}) {
      if (const auto held = model->in_memory.lock()) held->release();
      model->servable.reset();
    }
    context.reset();
  }

  BufferPool pool;
  std::unique_ptr<ServingContext> context;
  Model a{"a", 1, 10};
  Model b{"b", 2, 10};
  Model c{"c", 3, 10};
  Status last;
};

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
