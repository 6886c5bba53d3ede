#include "serving/device_memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace ocelli::serving {
namespace {

// A model that was used this recently, and whose turn lasts, is not idle but between two requests.
constexpr Duration kBetweenRequests = std::chrono::milliseconds(100);
constexpr Duration kLongestTurn = std::chrono::seconds(10);
constexpr int kCompilationsPerTurn = 4;
// Room is made anew so often when others take what was freed.
constexpr int kMaxRounds = 16;
// How often idle models are looked for: a tenth of the time they may be idle, within these.
constexpr Duration kShortestSweep = std::chrono::milliseconds(100);
constexpr Duration kLongestSweep = std::chrono::seconds(10);

std::string size_text(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits{"B", "KB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1000 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

}  // namespace

MemoryClaim::~MemoryClaim() { memory_.release(holder_); }

DeviceMemory::DeviceMemory(DeviceMemoryOptions options, scheduling::Timer& timer)
    : options_(std::move(options)), timer_(timer), budget_(options_.limits) {
  timer_.add(*this);
}

DeviceMemory::~DeviceMemory() { timer_.remove(*this); }

// --- taking memory

Result<std::shared_ptr<MemoryClaim>> DeviceMemory::claim(const Request& request) {
  Holder asking{request.device, request.label, request.tenant, request.tenant.get(), request.position, request.bytes};
  asking.idle_after = request.idle_after.value_or(options_.idle_after);
  asking.together = request.together;
  if (auto status = reserve(asking, request.bytes, request.bytes, request.urgent); !status.ok()) return status;
  const std::lock_guard lock(mutex_);
  if (asking.idle_after > Duration::zero()) sweep_for(asking.idle_after);
  holders_.push_back(std::move(asking));
  return std::make_shared<MemoryClaim>(*this, std::prev(holders_.end()));
}

Status DeviceMemory::resize(MemoryClaim& claim, std::uint64_t bytes, bool urgent) {
  Holder asking;
  {
    const std::lock_guard lock(mutex_);
    asking = *claim.holder_;
    if (bytes <= asking.bytes) {
      budget_.release(asking.device, asking.bytes - bytes);
      claim.holder_->bytes = bytes;
      return {};
    }
  }
  if (auto status = reserve(asking, bytes, bytes - asking.bytes, urgent); !status.ok()) return status;
  const std::lock_guard lock(mutex_);
  claim.holder_->bytes = bytes;
  return {};
}

Status DeviceMemory::extend(MemoryClaim& claim, std::uint64_t more) {
  Holder asking;
  {
    const std::lock_guard lock(mutex_);
    asking = *claim.holder_;
    if (budget_.reserve(asking.device, more)) {
      claim.holder_->bytes += more;
      return {};
    }
  }
  return shortage(asking, asking.bytes + more);
}

void DeviceMemory::charge(MemoryClaim& claim, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  auto& holder = *claim.holder_;
  budget_.release(holder.device, holder.bytes);
  budget_.charge(holder.device, bytes);
  holder.bytes = bytes;
}

void DeviceMemory::begin_turn(MemoryClaim& claim, std::uint64_t bytes, Duration compile_time) {
  const auto turn = options_.turn <= Duration::zero() ? Duration::zero()
                                                      : std::clamp(compile_time * kCompilationsPerTurn, options_.turn,
                                                                   std::max(options_.turn, kLongestTurn));
  charge(claim, bytes);
  const std::lock_guard lock(mutex_);
  auto& holder = *claim.holder_;
  holder.serving = true;
  holder.came = Clock::now();
  holder.turn_until = holder.came + turn;
}

void DeviceMemory::release(std::list<Holder>::iterator holder) noexcept {
  const std::lock_guard lock(mutex_);
  budget_.release(holder->device, holder->bytes);
  holders_.erase(holder);
}

Status DeviceMemory::check_limit(const std::string& device, const std::string& label, std::uint64_t bytes) const {
  const std::lock_guard lock(mutex_);
  const auto limit = budget_.limit(device);
  if (!limit || bytes <= *limit) return {};
  return failed_precondition(
      fmt::format("{} needs {} on {}, which is more than the whole budget of {} (--device_memory)", label,
                  size_text(bytes), device, size_text(*limit)));
}

// Takes `more` bytes for one that needs `bytes` in all.
Status DeviceMemory::reserve(const Holder& asking, std::uint64_t bytes, std::uint64_t more, bool urgent) {
  if (auto status = check_limit(asking.device, asking.label, bytes); !status.ok()) return status;
  {
    const std::lock_guard lock(mutex_);
    if (budget_.reserve(asking.device, more)) return {};
  }
  const std::lock_guard one(room_);
  for (int round = 0; round < kMaxRounds; ++round) {
    if (!make_room(asking, more, urgent)) break;
    const std::lock_guard lock(mutex_);
    if (budget_.reserve(asking.device, more)) return {};
  }
  return shortage(asking, bytes);
}

// Takes models off until so many bytes are free. False when that cannot be reached, and then nobody goes.
bool DeviceMemory::make_room(const Holder& asking, std::uint64_t bytes, bool urgent) {
  auto victims = others(asking.device, asking.identity, asking.position);
  if (asking.together)
    std::erase_if(victims, [&](const Victim& victim) { return victim.holder.identity == asking.identity; });
  const auto now = Clock::now();
  for (auto& victim : victims) {
    auto& [use, last_use] = victim.occupation;
    const bool in_turn = now < victim.holder.turn_until;
    const bool between = last_use > victim.holder.came && now - last_use < kBetweenRequests;
    if (use == MemoryTenant::Use::kIdle && in_turn && between) use = MemoryTenant::Use::kBusy;
    victim.takes_turns = use == MemoryTenant::Use::kBusy;
    if (victim.takes_turns && (in_turn || !urgent)) use = MemoryTenant::Use::kHeld;
  }
  std::erase_if(victims, [](const Victim& victim) { return victim.occupation.use == MemoryTenant::Use::kHeld; });
  std::ranges::sort(victims, {}, [](const Victim& victim) {
    return std::pair(victim.takes_turns, victim.takes_turns ? victim.holder.turn_until : victim.occupation.last_use);
  });
  std::uint64_t room = 0;
  {
    const std::lock_guard lock(mutex_);
    room = budget_.room(asking.device);
  }
  std::uint64_t possible = room;
  for (const auto& victim : victims) possible += victim.holder.bytes;
  if (possible < bytes) return false;
  bool any = room >= bytes;
  for (const auto& victim : victims) {
    if (room >= bytes) break;
    if (victim.holder.bytes == 0) continue;
    const auto why = fmt::format("{}, for {}", victim.takes_turns ? "its turn is over" : "not in use", asking.label);
    if (!victim.tenant->give_up(victim.holder.position, victim.takes_turns, TimePoint::max(), why)) continue;
    room += victim.holder.bytes;
    any = true;
  }
  return any;
}

std::vector<DeviceMemory::Victim> DeviceMemory::others(const std::string& device, const MemoryTenant* tenant,
                                                       std::size_t position) const {
  std::vector<Victim> found;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& holder : holders_) {
      const bool self = holder.identity == tenant && holder.position == position;
      if (!holder.serving || self || (!device.empty() && holder.device != device)) continue;
      if (auto alive = holder.tenant.lock()) found.push_back({std::move(alive), holder, {}});
    }
  }
  for (auto& victim : found) victim.occupation = victim.tenant->occupation(victim.holder.position);
  return found;
}

Status DeviceMemory::shortage(const Holder& asking, std::uint64_t bytes) const {
  std::string users;
  std::uint64_t used = 0;
  std::optional<std::uint64_t> limit;
  {
    const std::lock_guard lock(mutex_);
    limit = budget_.limit(asking.device);
    const auto line = budget_.lines().find(asking.device);
    used = line == budget_.lines().end() ? 0 : line->second.used;
    for (const auto& holder : holders_) {
      if (holder.device != asking.device || holder.bytes == 0) continue;
      users += fmt::format("{}{} has {}", users.empty() ? ": " : ", ", holder.label, size_text(holder.bytes));
    }
  }
  return {StatusCode::kResourceExhausted,
          fmt::format("{} needs {} on {}; of the budget of {} (--device_memory) {} are in use{}", asking.label,
                      size_text(bytes), asking.device, size_text(limit.value_or(0)), size_text(used), users)};
}

// --- giving memory back

std::size_t DeviceMemory::free_idle(const std::string& device, const MemoryTenant& tenant, std::size_t position) {
  const std::lock_guard one(room_);
  std::size_t count = 0;
  for (const auto& victim : others(device, &tenant, position)) {
    if (victim.occupation.use != MemoryTenant::Use::kIdle) continue;
    const auto why = fmt::format("not in use, and {} is out of memory", device);
    count += victim.tenant->give_up(victim.holder.position, false, TimePoint::max(), why) ? 1 : 0;
  }
  return count;
}

bool DeviceMemory::has_others(const std::string& device, const MemoryTenant& tenant, std::size_t position) const {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(holders_, [&](const Holder& holder) {
    return holder.serving && holder.device == device && (holder.identity != &tenant || holder.position != position);
  });
}

std::size_t DeviceMemory::free_unused(TimePoint now) {
  std::size_t count = 0;
  for (const auto& victim : others({}, nullptr, 0)) {
    if (victim.holder.idle_after <= Duration::zero()) continue;
    const auto since = now - victim.holder.idle_after;
    if (victim.occupation.use != MemoryTenant::Use::kIdle || victim.occupation.last_use > since) continue;
    const auto why =
        fmt::format("not used for {:.1f} s", std::chrono::duration<double>(now - victim.occupation.last_use).count());
    count += victim.tenant->give_up(victim.holder.position, false, since, why) ? 1 : 0;
  }
  return count;
}

void DeviceMemory::on_timer(TimePoint now) noexcept {
  const std::lock_guard lock(mutex_);
  if (!sweeper_) return;
  // A sweep that is still under way sees to it.
  static_cast<void>(sweeper_->submit([this] { free_unused(Clock::now()); }));
  timer_.arm(*this, now + std::clamp(shortest_idle_ / 10, kShortestSweep, kLongestSweep));
}

// With the lock held. From now on idle models are looked for, at least as often as one with this time needs.
void DeviceMemory::sweep_for(Duration idle_after) {
  if (sweeper_ && shortest_idle_ <= idle_after) return;
  if (!sweeper_) sweeper_.emplace("ocelli-idle", 1, 1);
  shortest_idle_ = idle_after;
  timer_.arm(*this, Clock::now() + std::clamp(idle_after / 10, kShortestSweep, kLongestSweep));
}

std::map<std::string, MemoryBudget::Line> DeviceMemory::lines() const {
  const std::lock_guard lock(mutex_);
  return budget_.lines();
}

}  // namespace ocelli::serving
