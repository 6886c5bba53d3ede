// SchedulerTest: a scheduler over fake models, and those who are told of its work.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <vector>

#include "scheduling/scheduler.hpp"
#include "support/eventually.hpp"
#include "support/fake_model.hpp"

namespace ocelli::scheduling {
using std::chrono::milliseconds;
using std::chrono::seconds;

// For what is bound to happen, however busy the machine is.
inline constexpr auto kPatience = seconds(120);

// Remembers in which order items were told, and counts how often each was.
class Told final : public WorkCompletion {
 public:
  void on_work_done(WorkItem& item) noexcept override {
    const std::lock_guard lock(mutex_);
    order_.push_back(&item);
    changed_.notify_all();
  }
  [[nodiscard]] bool wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return order_.size() >= count; });
  }
  [[nodiscard]] std::vector<WorkItem*> order() const {
    const std::lock_guard lock(mutex_);
    return order_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<WorkItem*> order_;
};

// Remembers which devices went out.
struct Watch final : DeviceWatch {
  void on_device_out(std::size_t position, const Status&) noexcept override {
    const std::lock_guard lock(mutex);
    out.push_back(position);
  }
  void on_device_limited(std::size_t, std::uint32_t, const Status&) noexcept override {}
  void on_device_unbatched(std::size_t, std::function<void()>) noexcept override {}
  std::mutex mutex;
  std::vector<std::size_t> out;
};

// Submits itself again from its completion, and gives up when the test does.
struct Chain final : WorkCompletion {
  void on_work_done(WorkItem& item) noexcept override {
    if (--left > 0 && !given_up) return scheduler->submit(item);
    const std::lock_guard lock(mutex);
    done = true;
    changed.notify_all();
  }
  [[nodiscard]] bool wait() {
    std::unique_lock lock(mutex);
    const bool ended = changed.wait_for(lock, kPatience, [this] { return done; });
    given_up = true;
    return ended;
  }
  Scheduler* scheduler = nullptr;
  int left = 100'000;
  std::atomic<bool> given_up{false};
  bool done = false;
  std::mutex mutex;
  std::condition_variable changed;
};

// Counts how often an item was told.
struct Counter final : WorkCompletion {
  void on_work_done(WorkItem&) noexcept override {
    const std::lock_guard lock(mutex);
    ++count;
    changed.notify_all();
  }
  [[nodiscard]] bool wait_for(int times) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, kPatience, [&] { return count >= times; });
  }
  int count = 0;
  std::mutex mutex;
  std::condition_variable changed;
};

// Everything that a run or a completion touches belongs to the fixture and goes after the scheduler, which waits for
// both: a test that ends early must not take it away from under them.
struct SchedulerTest : testing::Test {
  void open(SchedulerOptions options = {}, const PartialShape& shape = PartialShape::from({1, 1}),
            std::uint32_t lanes = 1) {
    options.name = "dummy";
    options.inline_below = Duration::zero();
    scheduler = std::make_unique<Scheduler>(options, timer, pool, metrics, Log());
    model = add(shape, lanes);
  }
  std::shared_ptr<test::FakeModel> add(const PartialShape& shape, std::uint32_t lanes = 1) {
    auto added = std::make_shared<test::FakeModel>(test::add_signature(shape), test::add_kernel(1.0F), lanes);
    ExecutorSpec spec;
    spec.model = added;
    spec.lanes = lanes;
    EXPECT_TRUE(scheduler->add(std::move(spec)).ok());
    added->reset_counts();
    return added;
  }
  // On a device that is lost for as long as broken says so.
  std::shared_ptr<test::FakeModel> breakable() {
    const auto kernel = [this](const std::vector<TensorView>& in, std::vector<Tensor>& out) {
      return broken ? unavailable("device lost") : test::add_kernel(1)(in, out);
    };
    return std::make_shared<test::FakeModel>(test::add_signature(PartialShape::from({1, 1})), kernel);
  }
  WorkItem& item(float value, std::int32_t priority = 0, TimePoint deadline = kNever) {
    auto& values = inputs.emplace_back(1, value);
    auto& made = items.emplace_back();
    made.work.inputs.push_back({DataType::kFp32, {1, 1}, reinterpret_cast<std::byte*>(values.data()), sizeof(float)});
    made.work.outputs.resize(1);
    made.work.completion = &told;
    made.priority = priority;
    made.deadline = deadline;
    return made;
  }
  static float result(const WorkItem& done) {
    return *reinterpret_cast<const float*>(done.work.outputs[0].result.view.data);
  }

  BufferPool pool;
  Timer timer;
  observability::ServableMetrics metrics;
  Told told;
  Watch watch;
  Chain chain;
  Counter counter;
  std::atomic<bool> broken{false};
  std::deque<WorkItem> many;
  std::deque<std::vector<float>> inputs;
  std::deque<WorkItem> items;
  std::shared_ptr<test::FakeModel> model;
  std::unique_ptr<Scheduler> scheduler;
};

}  // namespace ocelli::scheduling
