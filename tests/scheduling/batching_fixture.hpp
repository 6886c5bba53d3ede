// BatchingTest: a scheduler that may run requests together, on a model that adds one to each row of two floats.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "scheduling/scheduler.hpp"
#include "support/fake_model.hpp"

namespace ocelli::scheduling {
using std::chrono::milliseconds;

// Rows of `width`, as many as one likes.
inline PartialShape open_batch(std::int64_t width) {
  PartialShape shape = PartialShape::from({1, width});
  shape.dims[0] = Dimension::any();
  return shape;
}

struct BatchingTest : testing::Test, WorkCompletion {
  void on_work_done(WorkItem&) noexcept override {
    const std::lock_guard lock(mutex);
    ++told;
    changed.notify_all();
  }
  bool wait_for(int count) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(120), [&] { return told >= count; });
  }
  void open(std::shared_ptr<test::FakeModel> fake, BatchingOptions batching, BatchCompiler compiler = {},
            std::shared_ptr<const BatchNotes> notes = {}) {
    model = std::move(fake);
    SchedulerOptions options;
    options.name = "dummy";
    options.inline_below = inline_below;
    options.batching = batching;
    scheduler = std::make_unique<Scheduler>(options, timer, pool, metrics, Log());
    if (watched) scheduler->watch(*watched);
    ExecutorSpec spec;
    spec.model = model;
    spec.compile_for_batch = std::move(compiler);
    spec.notes = std::move(notes);
    spec.provisional = provisional;
    ASSERT_TRUE(scheduler->add(std::move(spec)).ok());
    model->reset_counts();
  }
  // `count` rows of two floats, beginning with `first`.
  WorkItem& item(float first, std::uint32_t count = 1) {
    auto& values = inputs.emplace_back();
    for (std::uint32_t i = 0; i < count * 2; ++i) values.push_back(first + static_cast<float>(i));
    auto& made = items.emplace_back();
    made.work.inputs.push_back(
        {DataType::kFp32, {count, 2}, reinterpret_cast<std::byte*>(values.data()), values.size() * sizeof(float)});
    made.work.outputs.resize(1);
    made.work.items = count;
    made.work.completion = this;
    return made;
  }
  // One runs alone, and so many more, which begin with 10, 20, ..., come while it does. Returns when they may run.
  void submit_behind_one(int waiting) {
    model->hold();
    scheduler->submit(item(0));
    model->wait_for_started(1);
    for (int i = 1; i <= waiting; ++i) scheduler->submit(item(static_cast<float>(i * 10)));
    model->release();
  }
  static std::vector<float> result(const WorkItem& done) {
    const auto& view = done.work.outputs[0].result.view;
    std::vector<float> values(view.bytes / sizeof(float));
    if (!values.empty()) std::memcpy(values.data(), view.data, view.bytes);
    return values;
  }
  void expect_answers(std::size_t except = static_cast<std::size_t>(-1)) {
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i == except) continue;
      ASSERT_TRUE(items[i].status.ok()) << items[i].status.to_string();
      const auto& view = items[i].work.outputs[0].result.view;
      EXPECT_EQ(view.shape, items[i].work.inputs[0].shape);
      auto expected = inputs[i];
      for (auto& value : expected) value += 1;
      EXPECT_EQ(result(items[i]), expected);
    }
  }
  static BatchingOptions always() {
    BatchingOptions options;
    options.mode = BatchingMode::kOn;
    options.max_items = 8;
    return options;
  }
  static std::shared_ptr<test::FakeModel> adder(const PartialShape& shape) {
    return std::make_shared<test::FakeModel>(test::add_signature(shape), test::add_kernel(1.0F));
  }

  BufferPool pool;
  Timer timer;
  observability::ServableMetrics metrics;
  std::mutex mutex;
  std::condition_variable changed;
  int told = 0;
  Duration inline_below = Duration::zero();
  bool provisional = false;
  DeviceWatch* watched = nullptr;
  std::deque<std::vector<float>> inputs;
  std::deque<WorkItem> items;
  std::shared_ptr<test::FakeModel> model;
  std::unique_ptr<Scheduler> scheduler;
};

}  // namespace ocelli::scheduling
