#include "observability/device_use.hpp"

#include <algorithm>

namespace ocelli::observability {
namespace {

std::int64_t slot_number(TimePoint time) noexcept { return time.time_since_epoch() / DeviceUse::kSlot; }
TimePoint slot_start(std::int64_t number) noexcept { return TimePoint(DeviceUse::kSlot * number); }

}  // namespace

void DeviceUse::begin(TimePoint now) noexcept {
  const std::lock_guard lock(mutex_);
  if (running_++ > 0) return;
  since_ = now;
}

void DeviceUse::end(TimePoint now) noexcept {
  const std::lock_guard lock(mutex_);
  if (running_ > 0 && --running_ == 0) add(since_, now);
}

void DeviceUse::add(TimePoint from, TimePoint to) noexcept {
  const auto last = slot_number(to);
  for (auto number = std::max(slot_number(from), last - kSlots); number <= last; ++number) {
    auto& slot = slots_[static_cast<std::size_t>(number) % slots_.size()];
    if (slot.number != number) slot = {number, {}};
    slot.busy += std::max(Duration::zero(), std::min(to, slot_start(number + 1)) - std::max(from, slot_start(number)));
  }
}

double DeviceUse::share(TimePoint now) const noexcept {
  const std::lock_guard lock(mutex_);
  const auto current = slot_number(now);
  const auto begin = slot_start(current - kSlots);
  Duration busy{};
  for (const auto& slot : slots_) {
    if (slot.number >= current - kSlots && slot.number <= current) busy += slot.busy;
  }
  if (running_ > 0) busy += std::max(Duration::zero(), now - std::max(since_, begin));
  const auto share = std::chrono::duration<double>(busy) / std::chrono::duration<double>(now - begin);
  return std::clamp(share, 0.0, 1.0);
}

}  // namespace ocelli::observability
