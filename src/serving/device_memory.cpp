#include "serving/device_memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace ocelli::serving {
namespace {

constexpr Duration kLongestTurn = std::chrono::seconds(10);
constexpr int kCompilationsPerTurn = 4;
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
      freed_.notify_all();
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
    if (take(asking, more)) {
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
  freed_.notify_all();
}

void DeviceMemory::begin_turn(MemoryClaim& claim, std::uint64_t bytes, Duration compile_time, bool awaited) {
  const auto turn = options_.turn <= Duration::zero() ? Duration::zero()
                                                      : std::clamp(compile_time * kCompilationsPerTurn, options_.turn,
                                                                   std::max(options_.turn, kLongestTurn));
  charge(claim, bytes);
  const std::lock_guard lock(mutex_);
  auto& holder = *claim.holder_;
  holder.serving = true;
  holder.awaited = awaited;
  holder.came = Clock::now();
  holder.turn_until = holder.came + turn;
}

void DeviceMemory::release(std::list<Holder>::iterator holder) noexcept {
  const std::lock_guard lock(mutex_);
  budget_.release(holder->device, holder->bytes);
  holders_.erase(holder);
  freed_.notify_all();
}

Status DeviceMemory::check_limit(const std::string& device, const std::string& label, std::uint64_t bytes) const {
  const std::lock_guard lock(mutex_);
  const auto limit = budget_.limit(device);
  if (!limit || bytes <= *limit) return {};
  return failed_precondition(
      fmt::format("{} needs {} on {}, which is more than the whole budget of {} (--device_memory)", label,
                  size_text(bytes), device, size_text(*limit)));
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
  const std::lock_guard one(room_of(device));
  std::size_t count = 0;
  for (const auto& victim : others(device, &tenant, position)) {
    if (victim.occupation.use != MemoryTenant::Use::kIdle) continue;
    const auto why = fmt::format("not in use, and {} is out of memory", device);
    count += victim.tenant->give_up(victim.holder.position, TimePoint::max(), why) ? 1 : 0;
  }
  return count;
}

bool DeviceMemory::has_others(const std::string& device, const MemoryTenant& tenant, std::size_t position) const {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(holders_, [&](const Holder& holder) {
    return holder.serving && holder.device == device && (holder.identity != &tenant || holder.position != position);
  });
}

bool DeviceMemory::anybody_leaves(const std::string& device) const {
  return std::ranges::any_of(others(device, nullptr, 0),
                             [](const Victim& victim) { return victim.occupation.use == MemoryTenant::Use::kLeaving; });
}

std::size_t DeviceMemory::free_unused(TimePoint now) {
  std::size_t count = 0;
  for (const auto& victim : others({}, nullptr, 0)) {
    if (victim.holder.idle_after <= Duration::zero()) continue;
    const auto since = now - victim.holder.idle_after;
    if (victim.occupation.use != MemoryTenant::Use::kIdle || victim.occupation.last_use > since) continue;
    const auto why =
        fmt::format("not used for {:.1f} s", std::chrono::duration<double>(now - victim.occupation.last_use).count());
    count += victim.tenant->give_up(victim.holder.position, since, why) ? 1 : 0;
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
