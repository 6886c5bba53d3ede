// SimulatedDevice: runs jobs as long as they take on a number of streams, first come, first served.
#pragma once

#include <cstdint>
#include <mutex>

#include "backends/simulated/simulated_settings.hpp"
#include "backends/simulated/timer.hpp"
#include "base/clock.hpp"
#include "base/status.hpp"

namespace ocelli::simulated {

class SimulatedDevice;

// One run on the device. Derived classes say what happens at its end.
class Job : public Timer::Task {
 public:
  // On the timer's thread, or for an instant device on the thread that called submit(). The job may be submitted again
  // from within.
  virtual void on_done(Status status) noexcept = 0;

 private:
  friend class SimulatedDevice;
  enum class State : std::uint8_t { kIdle, kWaiting, kRunning, kCancelled };
  void on_timer(TimePoint due) noexcept final;

  SimulatedDevice* device_ = nullptr;
  Job* next_ = nullptr;  // in the device's queue
  Duration time_{};
  std::int64_t batch_ = 1;
  State state_ = State::kIdle;
};

// Thread-safe.
class SimulatedDevice {
 public:
  SimulatedDevice(DeviceSettings settings, Timer& timer) : settings_(std::move(settings)), timer_(timer) {}

  [[nodiscard]] const DeviceSettings& settings() const noexcept { return settings_; }
  // True once the device has "died", as its settings ask.
  [[nodiscard]] bool lost() const noexcept;

  // Starts the job or queues it; it ends with on_done() exactly once. batch: elements of the batch, for the time it
  // takes.
  void submit(Job& job, std::int64_t batch) noexcept;
  // Ends a submitted job early where the device honours that.
  void cancel(Job& job) noexcept;

  // Memory of the device, for a model that is loaded. Errors: kResourceExhausted.
  Status take_memory(std::uint64_t bytes);
  void give_memory_back(std::uint64_t bytes) noexcept;

 private:
  friend class Job;
  void finish(Job& job, TimePoint due) noexcept;
  // How the run that ends now ends; counts it.
  Status outcome(std::int64_t batch);
  [[nodiscard]] bool is_lost() const noexcept;
  Job* pop_waiting() noexcept;
  bool remove_waiting(Job& job) noexcept;

  const DeviceSettings settings_;
  Timer& timer_;
  mutable std::mutex mutex_;
  Job* first_waiting_ = nullptr;
  Job* last_waiting_ = nullptr;
  std::uint32_t running_ = 0;
  std::uint64_t runs_ = 0;
  TimePoint lost_at_ = kNever;
  std::uint64_t memory_used_ = 0;
};

}  // namespace ocelli::simulated
