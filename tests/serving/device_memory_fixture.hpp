// SharedMemoryTest: models on devices that share one memory.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "serving/device_memory.hpp"
#include "serving/model_servable.hpp"
#include "serving/test_client.hpp"
#include "support/eventually.hpp"
#include "support/fake_model.hpp"

namespace ocelli::serving {
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using Use = DevicePolicy::Use;

// One model on one or several devices. It adds its number to what it is given, so that answers say who gave them.
// The model as it was compiled last, while it lives. Compiling threads set it while a test may look.
class CompiledForm {
 public:
  CompiledForm& operator=(const std::shared_ptr<test::FakeModel>& made) {
    const std::lock_guard lock(mutex_);
    latest_ = made;
    return *this;
  }
  [[nodiscard]] std::shared_ptr<test::FakeModel> lock() const {
    const std::lock_guard lock(mutex_);
    return latest_.lock();
  }
  [[nodiscard]] bool expired() const { return !lock(); }

 private:
  mutable std::mutex mutex_;
  std::weak_ptr<test::FakeModel> latest_;
};

struct Model {
  Model(std::string given, float adds, std::uint64_t takes) : name(std::move(given)), number(adds), bytes(takes) {}

  Result<scheduling::ExecutorSpec> compile() {
    ++compilations;
    if (before_compile) before_compile();
    if (refuses) return failed_precondition("the device refuses the model");
    if (full_compilations > 0) {
      --full_compilations;
      return Status(StatusCode::kResourceExhausted, "the device is full");
    }
    const auto kernel = [this](const std::vector<TensorView>& in, std::vector<Tensor>& out) -> Status {
      if (full && full()) return {StatusCode::kResourceExhausted, "no memory for the run"};
      ++runs;
      if (gives_nothing) {
        out[0].view = {DataType::kFp32, {0, 1}, nullptr, 0};
        return {};
      }
      return test::add_kernel(number)(in, out);
    };
    const auto rows = batches ? Dimension::any() : Dimension::fixed(1);
    auto made =
        std::make_shared<test::FakeModel>(test::add_signature(PartialShape{{rows, Dimension::fixed(1)}}), kernel);
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
    made.memory = memory;
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
  std::string memory = "SIM";
  bool stateful = false;
  bool batches = false;
  std::optional<Duration> idle_after;
  std::atomic<int> compilations{0};
  std::atomic<int> full_compilations{0};
  std::atomic<bool> refuses{false};
  std::atomic<bool> gives_nothing{false};  // no rows, however many there should be
  std::atomic<int> runs{0};
  std::function<bool()> full;
  std::function<void()> before_compile;
  CompiledForm in_memory;
  std::shared_ptr<ModelServable> servable;
};

struct SharedMemoryTest : testing::Test {
  void share(std::uint64_t limit, Duration turn = Duration::zero(), Duration patience = seconds(20),
             Duration idle_after = Duration::zero()) {
    DeviceMemoryOptions options;
    if (limit > 0) options.limits = {{"SIM", limit}, {"SIM2", limit}, {"SIM3", limit}};
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
    made.policy.idle_after = model.idle_after;
    made.stateful.enabled = model.stateful;
    if (model.batches) made.batching.mode = scheduling::BatchingMode::kOn;
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
  // The model's number; -1 when it fails. Afterwards nobody is at work on its device any more, so that it may be chosen
  // to make room.
  float ask(Model& model) {
    const auto client = send(model, 0);
    EXPECT_TRUE(client->wait());
    if (const auto held = model.in_memory.lock()) held->wait_until_told();
    last = client->call.status;
    return last.ok() ? client->value() : -1.0F;
  }
  template <typename Condition>
  static bool soon(const Condition& condition) {
    return test::eventually(condition, kPatience);
  }
  bool becomes(const Model& model, DeviceState state) {
    return soon([&] { return model.state() == state; });
  }
  std::uint64_t used() const { return context->memory.lines().at("SIM").used; }
  void TearDown() override {
    for (auto* model : {&a, &b, &c, &d, &e, &f}) {
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
  Model d{"d", 4, 10};
  Model e{"e", 5, 10};
  Model f{"f", 6, 10};
  Status last;
};

}  // namespace ocelli::serving
