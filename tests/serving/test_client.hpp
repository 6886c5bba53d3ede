// Client: one call and its completion.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "serving/inference_call.hpp"

namespace ocelli::serving {

// For what is bound to happen, however busy the machine is.
inline constexpr auto kPatience = std::chrono::seconds(20);

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

}  // namespace ocelli::serving
