// DeviceUse: which share of the last seconds a device was at work for one model.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>

#include "base/clock.hpp"

namespace ocelli::observability {

// Thread-safe; allocates nothing. Runs may overlap: time in which several are under way counts once, as in nvidia-smi's
// utilisation.
class DeviceUse {
 public:
  // The share is that of the last kWindow and the part of a slot that has begun, also when the device is newer.
  static constexpr Duration kSlot = std::chrono::milliseconds(500);
  static constexpr std::int64_t kSlots = 10;
  static constexpr Duration kWindow = kSlot * kSlots;

  // A run begins and ends; times may come slightly out of order.
  void begin(TimePoint now) noexcept;
  void end(TimePoint now) noexcept;
  // 0 to 1.
  [[nodiscard]] double share(TimePoint now) const noexcept;

 private:
  struct Slot {
    std::int64_t number = -1;  // since the clock's epoch, in kSlot
    Duration busy{};
  };
  void add(TimePoint from, TimePoint to) noexcept;

  // Atomics that stay exact take three read-modify-writes a run, and as long as this: both some 26 ns.
  mutable std::mutex mutex_;
  std::array<Slot, kSlots + 1> slots_{};
  std::uint32_t running_ = 0;
  TimePoint since_{};  // when the runs that are under way began
};

}  // namespace ocelli::observability
