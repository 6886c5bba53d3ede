// DeviceWatch: told by a scheduler what happens to its devices.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "base/status.hpp"

namespace ocelli::scheduling {

// Called without the scheduler's lock on any thread, a runtime's own among them: must be short, and must not wait for
// work of the scheduler.
class DeviceWatch {
 public:
  // The device takes no more work until it is removed and added anew; its items move on to others where there are any.
  virtual void on_device_out(std::size_t position, const Status& why) noexcept = 0;
  // The device ran out of memory; its batches have at most so many items for a while.
  virtual void on_device_limited(std::size_t position, std::uint32_t items, const Status& why) noexcept = 0;
  // Such batches may be larger again: of so many items, or, 0, as large as before.
  virtual void on_device_relaxed(std::size_t, std::uint32_t) noexcept {}
  // A run gave other rows than it was given; the device runs every request alone from now on. note writes that down for
  // the next start; it writes a file, so it is to be called where that may take its time. It may be empty, and may
  // outlive the scheduler.
  virtual void on_device_unbatched(std::size_t position, std::function<void()> note) noexcept = 0;
  // Whether something could be taken off the device's memory, now that a run found it full. Promises nothing.
  virtual bool may_free_memory(std::size_t) noexcept { return false; }
  // The device is full and waits, with its work, for Scheduler::resume(). Only after may_free_memory().
  virtual void on_device_full(std::size_t) noexcept {}
  // Work waits, no lane is free for it, and a device sleeps (Scheduler::expect_device). Told once per sleep.
  virtual void on_work_waits() noexcept {}

 protected:
  ~DeviceWatch() = default;
};

}  // namespace ocelli::scheduling
