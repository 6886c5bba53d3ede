// DevicePlanTest: a model on two devices, a slow one that is always there and a fast one, whose faults the test
// decides.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "serving/model_servable.hpp"
#include "serving/test_client.hpp"
#include "support/eventually.hpp"
#include "support/fake_model.hpp"

namespace ocelli::serving {
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
    if (!takes_settings) return invalid_argument("the device does not know the setting");
    const auto kernel = [this](const std::vector<TensorView>& in, std::vector<Tensor>& out) -> Status {
      if (dead) return unavailable("the device is gone");
      if (static_cast<std::int64_t>(in[0].bytes / sizeof(float)) > room)
        return {StatusCode::kResourceExhausted, "too small"};
      if (slow.count() > 0) std::this_thread::sleep_for(slow);  // what a run takes, not a wait for another thread
      if (++runs % 10 == 9 && unsteady) return internal_error("now and then a run fails");
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
  std::atomic<bool> takes_settings{true};
  std::atomic<bool> gives_nothing{false};  // no rows, however many there should be
  std::atomic<bool> unsteady{false};
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

}  // namespace ocelli::serving
