// Making room for one model by taking others off.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "serving/device_memory.hpp"

namespace ocelli::serving {
namespace {

// A model that was used this recently, and whose turn lasts, is not idle but between two requests.
constexpr Duration kBetweenRequests = std::chrono::milliseconds(100);
// Room is made anew so often when others take what was freed.
constexpr int kMaxRounds = 16;
// Most runs end within this, so that turns change without a pause.
constexpr Duration kShortLeave = std::chrono::milliseconds(100);
// For how long what becomes free is kept for one that asks again every now and then.
constexpr Duration kPromised = std::chrono::milliseconds(250);

}  // namespace

std::mutex& DeviceMemory::room_of(const std::string& device) {
  const std::lock_guard lock(mutex_);
  return rooms_[device];
}

// --- who comes first

bool DeviceMemory::take(const Holder& asking, std::uint64_t more) {
  const auto kept = promised_to_others(asking);
  if (kept > 0 && (budget_.room(asking.device) < kept || budget_.room(asking.device) - kept < more)) return false;
  if (!budget_.reserve(asking.device, more)) return false;
  if (kept == 0) promises_.erase(asking.device);
  leave_line(asking);
  return true;
}

// Those whose turn is over go for the one that has waited longest, or models that ask often would be all that run.
bool DeviceMemory::line_up(const Holder& asking) {
  auto& line = waiters_[asking.device];
  const auto now = Clock::now();
  std::erase_if(line, [&](const Waiter& waiter) { return waiter.until < now && !waiter.is(asking); });
  auto place = std::ranges::find_if(line, [&](const Waiter& waiter) { return waiter.is(asking); });
  if (place == line.end()) place = line.insert(line.end(), {asking.identity, asking.position});
  place->until = now + kPromised;
  return std::all_of(line.begin(), place, [](const Waiter& before) { return before.hopeless; });
}

void DeviceMemory::leave_line(const Holder& asking) {
  const auto line = waiters_.find(asking.device);
  if (line == waiters_.end()) return;
  std::erase_if(line->second, [&](const Waiter& waiter) { return waiter.is(asking); });
}

void DeviceMemory::note_prospect(const Holder& asking, std::uint64_t bytes, std::uint64_t possible) {
  // Those that begin to serve may be asked in their turn.
  for (const auto& holder : holders_) {
    const bool self = holder.identity == asking.identity && holder.position == asking.position;
    if (!holder.serving && !self && holder.device == asking.device) possible += holder.bytes;
  }
  for (auto& waiter : waiters_[asking.device])
    if (waiter.is(asking)) waiter.hopeless = possible < bytes;
}

std::uint64_t DeviceMemory::promised_to_others(const Holder& asking) const {
  const auto found = promises_.find(asking.device);
  const bool kept = found != promises_.end() && found->second.until >= Clock::now();
  return kept && !found->second.is(asking) ? found->second.bytes : 0;
}

// The first who asks keeps its place as long as it asks again.
void DeviceMemory::promise(const Holder& asking, std::uint64_t bytes) {
  if (promised_to_others(asking) > 0) return;
  promises_[asking.device] = {asking.identity, asking.position, Clock::now() + kPromised, bytes};
}

// --- making room

// Takes `more` bytes for one that needs `bytes` in all.
Status DeviceMemory::reserve(const Holder& asking, std::uint64_t bytes, std::uint64_t more, bool urgent) {
  if (auto status = check_limit(asking.device, asking.label, bytes); !status.ok()) return status;
  {
    const std::lock_guard lock(mutex_);
    if (take(asking, more)) return {};
  }
  const auto until = Clock::now() + kShortLeave;
  bool first = urgent;  // of those for whom others make room at the end of their turn
  auto& room = room_of(asking.device);
  for (int round = 0; round < kMaxRounds; ++round) {
    {
      const std::lock_guard one(room);
      if (urgent) {
        const std::lock_guard lock(mutex_);
        first = line_up(asking);
      }
      const auto made = make_room(asking, more, first);
      if (made == Room::kNone) break;
      const std::lock_guard lock(mutex_);
      if (take(asking, more)) return {};
      if (made == Room::kMade) continue;
      promise(asking, more);
    }
    // Without what others need to make room: a run may take as long as it likes.
    std::unique_lock lock(mutex_);
    if (freed_.wait_until(lock, until, [&] { return take(asking, more); })) return {};
    if (Clock::now() >= until) break;
  }
  return shortage(asking, bytes);
}

// Takes models off until so many bytes are free, or will be. kNone when that cannot be reached, and then nobody goes.
DeviceMemory::Room DeviceMemory::make_room(const Holder& asking, std::uint64_t bytes, bool urgent) {
  Outlook outlook;
  const auto found = victims(asking, urgent, outlook);
  std::uint64_t coming = outlook.leaving;
  std::uint64_t needed = bytes;
  std::uint64_t room = 0;
  std::uint64_t possible = coming;
  for (const auto& victim : found) possible += victim.holder.bytes;
  {
    const std::lock_guard lock(mutex_);
    needed += promised_to_others(asking);
    room = budget_.room(asking.device);
    possible += room;
    note_prospect(asking, bytes, possible + outlook.later);
  }
  if (possible < needed) return Room::kNone;
  bool any = room >= needed;
  for (const auto& victim : found) {
    if (room + coming >= needed) break;
    const auto& [tenant, holder, occupation, takes_turns] = victim;
    if (holder.bytes == 0) continue;
    const auto why = fmt::format("{}, for {}", takes_turns ? "its turn is over" : "not in use", asking.label);
    if (takes_turns) {
      coming += tenant->begin_to_leave(holder.position, why) ? holder.bytes : 0;
    } else if (tenant->give_up(holder.position, TimePoint::max(), why)) {
      room += holder.bytes;
      any = true;
    }
  }
  if (any) return Room::kMade;
  return coming > 0 ? Room::kComing : Room::kNone;
}

// Whom it may take off, in that order; what others give up already, and what those have whose turn it is, is added to
// the outlook.
std::vector<DeviceMemory::Victim> DeviceMemory::victims(const Holder& asking, bool urgent, Outlook& outlook) const {
  auto found = others(asking.device, asking.identity, asking.position);
  if (asking.together)
    std::erase_if(found, [&](const Victim& victim) { return victim.holder.identity == asking.identity; });
  const auto now = Clock::now();
  for (auto& victim : found) {
    auto& [use, last_use] = victim.occupation;
    const bool in_turn = now < victim.holder.turn_until;
    const auto& came = victim.holder.came;
    const bool used = last_use > came || victim.holder.awaited;
    const bool between = used && now - std::max(last_use, came) < kBetweenRequests;
    if (use == MemoryTenant::Use::kIdle && in_turn && between) use = MemoryTenant::Use::kBusy;
    victim.takes_turns = use == MemoryTenant::Use::kBusy;
    if (victim.takes_turns && (in_turn || !urgent)) {
      use = MemoryTenant::Use::kHeld;
      outlook.later += victim.holder.bytes;
    }
    if (use == MemoryTenant::Use::kLeaving) outlook.leaving += victim.holder.bytes;
  }
  std::erase_if(found, [](const Victim& victim) {
    return victim.occupation.use == MemoryTenant::Use::kHeld || victim.occupation.use == MemoryTenant::Use::kLeaving;
  });
  std::ranges::sort(found, {}, [](const Victim& victim) {
    return std::pair(victim.takes_turns, victim.takes_turns ? victim.holder.turn_until : victim.occupation.last_use);
  });
  return found;
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

}  // namespace ocelli::serving
