// PlannedDevice and DevicePolicy: the device plan of a model as serving sees it, without runtimes and grammar.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "base/status.hpp"
#include "scheduling/executor.hpp"
#include "scheduling/speed_notes.hpp"

namespace ocelli::serving {

// One device of a plan.
struct PlannedDevice {
  // As the user named it: "NVIDIA.0".
  std::string target;
  // Makes the model ready there; blocks. stop asks it to end early. full_ends: a device without memory for the
  // model ends the attempt with kResourceExhausted, whatever other ways to it there are: memory is freed then, and it
  // is called again. Called again too when the device was lost. Empty when `ready` is all there is: then a lost device
  // stays lost.
  std::function<Result<scheduling::ExecutorSpec>(std::stop_token stop, bool full_ends)> compile;
  // Compiled already; used first.
  std::optional<scheduling::ExecutorSpec> ready;
  // The memory that the model takes there, as DeviceMemory's limits name it; empty: target.
  std::string memory{};
  // What it is expected to take before the runtime has said so: bytes.
  std::uint64_t memory_bytes = 0;
  // Ready soon, so it may answer while the devices before it still compile: a CPU.
  bool quick = false;
  // Where the model's speed there is kept for the next start, when DevicePolicy::measure asks for it; null: nowhere.
  std::shared_ptr<const scheduling::SpeedNotes> speed_notes{};

  // A device that is ready and is not compiled for again.
  static PlannedDevice of(scheduling::ExecutorSpec spec) {
    PlannedDevice device;
    device.target = spec.model->info().device;
    device.ready = std::move(spec);
    return device;
  }
};

// What is done with the devices of a plan, which are in order of preference.
struct DevicePolicy {
  // kAll: all of them, and one that cannot be made ready fails the load. kAny: all that can be made ready. kFirst: the
  // first that can; the others stand by.
  enum class Use : std::uint8_t { kAll, kAny, kFirst };
  Use use = Use::kAll;
  // kAny, kFirst: a quick device answers first, and the better ones are made ready behind it.
  bool startup_fallback = true;
  // kFirst: another one takes over when the one that serves is lost.
  bool runtime_fallback = true;
  // kFirst: the order is found by measuring the model on each device; by the latency of one run, else by runs per
  // second.
  bool measure = false;
  bool by_latency = false;
  // Whether the order of so many devices is measured.
  [[nodiscard]] bool ranks(std::size_t devices) const noexcept { return measure && use == Use::kFirst && devices > 1; }
  // Unused for so long, a device's model gives its memory back; zero: never; empty: DeviceMemoryOptions::idle_after.
  std::optional<Duration> idle_after{};
  // A lost device is tried again after first_retry, then after twice as long each time, up to last_retry.
  Duration first_retry = std::chrono::milliseconds(500);
  Duration last_retry = std::chrono::seconds(60);
};

}  // namespace ocelli::serving
