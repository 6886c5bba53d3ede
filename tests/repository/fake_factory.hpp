// FakeFactory: loads "models" that answer with their version, on command slowly or not at all.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <fstream>
#include <memory>
#include <mutex>
#include <new>
#include <source_location>
#include <string>
#include <system_error>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "repository/servable_factory.hpp"
#include "support/eventually.hpp"
#include "support/fake_catalog.hpp"

namespace ocelli::test {

// A deadline that only a hang misses.
inline constexpr std::chrono::seconds kSoon{20};

// Thread-safe.
class FakeFactory final : public repository::ServableFactory {
 public:
  Result<std::shared_ptr<serving::Servable>> load_model(const repository::ModelLoad& load) override {
    std::unique_lock lock(mutex_);
    loads_.push_back(load);
    changed_.notify_all();
    changed_.wait(lock, [this] { return !held_ || permits_ > 0 || hurried_ > 0; });
    if (held_ && permits_ == 0) return Status(StatusCode::kResourceExhausted, "no memory");
    if (held_) --permits_;
    std::ifstream stream(load.source.path);
    std::string text;
    std::getline(stream, text);
    if (text == "broken") return internal_error("the file is broken");
    if (text == "no memory") throw std::bad_alloc();
    if (text == "no thread") throw std::system_error(EAGAIN, std::generic_category());
    if (text == "refused") return failed_precondition("the device refuses it");
    serving::ServableMetadata metadata;
    metadata.name = load.config.name;
    metadata.version = load.version;
    metadata.platform = text;  // the file's content, so that tests see what was loaded
    metadata.inputs = {{"x", DataType::kFp32, PartialShape::from({4, 3}), "NC"}};
    metadata.stateful = load.config.stateful.enabled;
    ExecutionInfo info;
    info.runtime = "Fake";
    info.device = "CPU";
    info.precision = "FP32";
    metadata.devices = serving::DeviceBoard::of({info});
    ++alive;
    return std::shared_ptr<serving::Servable>(new FakeServable(std::move(metadata), [](serving::InferenceCall&) {}),
                                              [this](FakeServable* servable) {
                                                --alive;
                                                delete servable;
                                              });
  }

  // A pipeline shows the contents of its models' files; one whose model's file says "unfit" does not fit.
  Result<std::shared_ptr<serving::Servable>> load_pipeline(const repository::PipelineLoad& load) override {
    serving::ServableMetadata metadata;
    metadata.name = load.definition.name;
    metadata.pipeline = true;
    metadata.platform.clear();
    for (const auto& node : load.definition.nodes) {
      const auto model = load.resolve(node.model, node.version);
      if (!model.ok()) return model.status();
      if ((*model)->metadata().platform == "unfit") return invalid_argument("node " + node.name + " does not fit");
      metadata.platform += (*model)->metadata().platform + ";";
    }
    ++alive;
    ++pipelines_built;
    return std::shared_ptr<serving::Servable>(new FakeServable(std::move(metadata), [](serving::InferenceCall&) {}),
                                              [this](FakeServable* servable) {
                                                --alive;
                                                delete servable;
                                              });
  }

  void hurry(bool begins) noexcept override {
    const std::lock_guard lock(mutex_);
    hurried_ += begins ? 1 : -1;
    changed_.notify_all();
  }

  // From now on loading waits until release(), and fails when somebody hurries.
  void hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void release() {
    const std::lock_guard lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }
  // Lets one load of those that wait, or of those to come, go on.
  void release_one() {
    const std::lock_guard lock(mutex_);
    ++permits_;
    changed_.notify_all();
  }
  // Waits until so many loads have begun.
  bool wait_for_loads(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kSoon, [&] { return loads_.size() >= count; });
  }
  std::vector<repository::ModelLoad> loads() {
    const std::lock_guard lock(mutex_);
    return loads_;
  }

  // Servables that exist.
  std::atomic<int> alive{0};
  std::atomic<int> pipelines_built{0};

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<repository::ModelLoad> loads_;
  bool held_ = false;
  int permits_ = 0;  // loads that may go on although held
  int hurried_ = 0;
};

// Keeps all lines. Thread-safe.
class LineSink final : public LogSink {
 public:
  LogLevel level() const noexcept override { return LogLevel::kDebug; }
  void write(LogLevel, std::string_view channel, const std::source_location&, std::string_view text) noexcept override {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::string(channel) + ": " + std::string(text));
  }
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

}  // namespace ocelli::test
