// DeviceMemory: who holds how much of each device's memory, and who gives it up when another one needs it.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/status.hpp"
#include "base/thread_pool.hpp"
#include "scheduling/timer.hpp"
#include "serving/memory_budget.hpp"

namespace ocelli::serving {

// How models share the memories of devices. A plain value.
struct DeviceMemoryOptions {
  // Bytes that models may take, by the name of the memory; others are not limited.
  std::map<std::string, std::uint64_t> limits;
  // A model that was not used for so long gives its memory up; zero: only when another one needs it. Models may have
  // times of their own.
  Duration idle_after{};
  // How long a load, or a model that requests wait for, waits for memory before it fails.
  Duration patience = std::chrono::seconds(30);
  // Where models that do not fit together have work at the same time, each keeps its memory for at least so long, and
  // at least four times as long as it took to compile, 10 s at most.
  Duration turn = std::chrono::milliseconds(500);
};

// Whoever holds memory for models: a supervisor, once for each member of its plan. Called on any thread and without a
// lock of DeviceMemory's that its holder could wait for.
class MemoryTenant {
 public:
  // What a member does with its memory: nothing, it works, it is about to give it up, or it may not.
  enum class Use : std::uint8_t { kIdle, kBusy, kLeaving, kHeld };
  struct Occupation {
    Use use = Use::kHeld;
    TimePoint last_use{};
  };
  virtual Occupation occupation(std::size_t position) noexcept = 0;
  // Takes the model off its device and gives the memory back before it returns, if nothing runs or waits there and it
  // was not used after `since`. False when it stays. why ends in the member's report.
  virtual bool give_up(std::size_t position, TimePoint since, const std::string& why) noexcept = 0;
  // The same once what runs there has ended, on another thread; what waits goes on waiting. kLeaving until then. False
  // when it stays.
  virtual bool begin_to_leave(std::size_t position, const std::string& why) noexcept = 0;

 protected:
  ~MemoryTenant() = default;
};

class DeviceMemory;

// Memory that is taken; given back when it goes. Must go before its DeviceMemory.
class MemoryClaim {
 public:
  // One holder, as DeviceMemory keeps it.
  struct Holder {
    std::string device;
    std::string label;  // "Model m version 1"
    std::weak_ptr<MemoryTenant> tenant;
    const MemoryTenant* identity = nullptr;  // tells tenants apart; never called through
    std::size_t position = 0;
    std::uint64_t bytes = 0;
    bool serving = false;    // the model is in use, so that it can be asked for
    TimePoint came{};        // when it began to serve
    TimePoint turn_until{};  // it keeps its memory so long while it works
    Duration idle_after{};   // it gives its memory up when it was not used for so long; zero: never by itself
    bool together = false;   // see DeviceMemory::Request
    bool awaited = false;    // it came because requests waited for it, or had failed for want of it
  };

  MemoryClaim(DeviceMemory& memory, std::list<Holder>::iterator holder) : memory_(memory), holder_(holder) {}
  MemoryClaim(const MemoryClaim&) = delete;
  MemoryClaim& operator=(const MemoryClaim&) = delete;
  ~MemoryClaim();

 private:
  friend class DeviceMemory;
  DeviceMemory& memory_;
  const std::list<Holder>::iterator holder_;
};

// Thread-safe. One for a server. Makes room by taking models off their devices that are not in use, least recently used
// first; where that is not enough and the one who asks has requests waiting, models whose turn is over make room too,
// so that all of them go on, turn by turn. It hardly waits for memory itself: whoever is refused asks again, and what
// becomes free meanwhile is kept for the one who asked first.
class DeviceMemory final : private scheduling::TimerClient {
 public:
  // timer must outlive this object. Idle models are taken off on a thread of this object.
  DeviceMemory(DeviceMemoryOptions options, scheduling::Timer& timer);
  ~DeviceMemory();
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;

  // Who asks, and for how much.
  struct Request {
    std::string device;
    std::string label;
    std::shared_ptr<MemoryTenant> tenant;
    std::size_t position = 0;
    std::uint64_t bytes = 0;
    // Requests wait for it, so that models whose turn is over make room.
    bool urgent = false;
    // Instead of DeviceMemoryOptions::idle_after.
    std::optional<Duration> idle_after{};
    // The tenant's other positions are used together with this one: they do not go for it.
    bool together = false;
  };
  // kFailedPrecondition where so many bytes are more than the whole budget, whoever has it now.
  Status check_limit(const std::string& device, const std::string& label, std::uint64_t bytes) const;
  // Takes the memory, making room where it must; blocks while idle models are destroyed, and for an instant where busy
  // ones are about to go. Errors: kFailedPrecondition (more than the whole budget), kResourceExhausted (no room now),
  // both saying who has how much. Not under a lock that a tenant waits for.
  Result<std::shared_ptr<MemoryClaim>> claim(const Request& request);
  // The same for another amount, once it is known; the claim stays as it is on failure.
  Status resize(MemoryClaim& claim, std::uint64_t bytes, bool urgent);
  // So many bytes more for something that is useful but not needed, if they are free: nobody makes room for it. Errors:
  // kResourceExhausted, as claim().
  Status extend(MemoryClaim& claim, std::uint64_t more);
  // What it takes is known now to be so much, which is counted whether there is room or not.
  void charge(MemoryClaim& claim, std::uint64_t bytes);
  // The model serves now and takes so much, as charge() counts it. awaited: requests waited for it, or failed for want
  // of it and are sent again in a moment, so that it is not idle at once.
  void begin_turn(MemoryClaim& claim, std::uint64_t bytes, Duration compile_time, bool awaited = false);

  // Takes all models off the device that are not in use, but for the one at `position` of `tenant`. How many went.
  std::size_t free_idle(const std::string& device, const MemoryTenant& tenant, std::size_t position);
  // Whether others hold memory of the device. Short.
  [[nodiscard]] bool has_others(const std::string& device, const MemoryTenant& tenant, std::size_t position) const;
  // Whether a model is about to give memory of the device up.
  [[nodiscard]] bool anybody_leaves(const std::string& device) const;
  // Takes off what was not used for its idle_after at the time `now`. How many went. Done by itself while this lives.
  std::size_t free_unused(TimePoint now);

  [[nodiscard]] Duration patience() const noexcept { return options_.patience; }
  // Limit and use by name.
  [[nodiscard]] std::map<std::string, MemoryBudget::Line> lines() const;

 private:
  friend class MemoryClaim;
  using Holder = MemoryClaim::Holder;
  struct Victim {
    std::shared_ptr<MemoryTenant> tenant;
    Holder holder;
    MemoryTenant::Occupation occupation;
    bool takes_turns = false;  // works, and its turn is over
  };
  // One who asks again and again, forgotten when it has not by `until`: in the line of those for whom requests wait, or
  // the one for whom `bytes` that become free are kept.
  struct Waiter {
    const MemoryTenant* identity = nullptr;
    std::size_t position = 0;
    TimePoint until{};
    std::uint64_t bytes = 0;
    bool hopeless = false;  // all who may ever make room for it, together, have not enough: others go before it
    [[nodiscard]] bool is(const Holder& holder) const {
      return identity == holder.identity && position == holder.position;
    }
  };
  // What else than victims gives memory: at once, and after a while.
  struct Outlook {
    std::uint64_t leaving = 0;
    std::uint64_t later = 0;
  };
  enum class Room : std::uint8_t { kNone, kComing, kMade };

  void on_timer(TimePoint now) noexcept override;
  Status reserve(const Holder& asking, std::uint64_t bytes, std::uint64_t more, bool urgent);
  Room make_room(const Holder& asking, std::uint64_t bytes, bool urgent);
  std::vector<Victim> others(const std::string& device, const MemoryTenant* tenant, std::size_t position) const;
  std::vector<Victim> victims(const Holder& asking, bool urgent, Outlook& outlook) const;
  Status shortage(const Holder& asking, std::uint64_t bytes) const;
  void release(std::list<Holder>::iterator holder) noexcept;
  // With the lock held.
  void sweep_for(Duration idle_after);
  bool take(const Holder& asking, std::uint64_t more);
  [[nodiscard]] std::uint64_t promised_to_others(const Holder& asking) const;
  void promise(const Holder& asking, std::uint64_t bytes);
  // Whether nobody has waited longer whom it could help. Keeps its place.
  bool line_up(const Holder& asking);
  void leave_line(const Holder& asking);
  // Whether its place in the line counts: not while so many bytes cannot be had.
  void note_prospect(const Holder& asking, std::uint64_t bytes, std::uint64_t possible);

  // Held while room is made, so that two do not take off more than both need; before mutex_.
  std::mutex& room_of(const std::string& device);

  const DeviceMemoryOptions options_;
  scheduling::Timer& timer_;
  mutable std::mutex mutex_;
  std::condition_variable freed_;
  MemoryBudget budget_;
  std::map<std::string, std::mutex> rooms_;             // by device
  std::map<std::string, Waiter> promises_;              // by device
  std::map<std::string, std::vector<Waiter>> waiters_;  // by device, in the order of their first asking
  std::list<Holder> holders_;
  Duration shortest_idle_{};           // that any holder had; zero: nobody is looked for
  std::optional<ThreadPool> sweeper_;  // last: its tasks use the rest
};

}  // namespace ocelli::serving
