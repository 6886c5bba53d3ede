// Who is to serve, and what is to be done for that.
#include <algorithm>
#include <numeric>

#include "serving/device_supervisor.hpp"

namespace ocelli::serving {

// One whose speed is known goes before one that could not be measured, so that no three of them go round in circles.
bool DeviceSupervisor::better(std::size_t a, std::size_t b) const {
  const auto& x = members_[a].score;
  const auto& y = members_[b].score;
  if (x && y && *x != *y) return *x > *y;
  return x.has_value() != y.has_value() ? x.has_value() : a < b;
}

std::vector<std::size_t> DeviceSupervisor::best_first() const {
  std::vector<std::size_t> order(members_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [this](std::size_t a, std::size_t b) { return better(a, b); });
  return order;
}

std::optional<std::size_t> DeviceSupervisor::best_serving() const {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (members_[i].state == DeviceState::kServing && (!best || better(i, *best))) best = i;
  }
  return best;
}

// Of those whose speed is known.
std::optional<std::size_t> DeviceSupervisor::fastest_known() const {
  std::optional<std::size_t> fastest;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (members_[i].score && (!fastest || better(i, *fastest))) fastest = i;
  }
  return fastest;
}

std::string DeviceSupervisor::why_standby(std::size_t position, std::size_t best) const {
  const auto& winner = members_[best].device.target;
  const bool measured = members_[position].score && members_[best].score;
  return measured ? winner + " is faster on this model" : winner + " is preferred and serves";
}

// With the lock held. Says why a member was not even compiled for.
void DeviceSupervisor::explain_standby() {
  const auto best = best_serving();
  if (!best || policy_.use != DevicePolicy::Use::kFirst) return;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const auto& member = members_[i];
    if (member.state == DeviceState::kStandby && !member.working && !wanted(i) && member.device.compile)
      set_state(i, DeviceState::kStandby, why_standby(i, *best));
  }
}

// Whether it will serve, if only for want of another: it was not tried in vain, and is not one that was lost.
bool DeviceSupervisor::may_stand_in(const Member& member) const {
  if (member.lost || !member.device.compile) return false;
  if (member.leaving || member.returning || member.state == DeviceState::kIdle) return true;
  if (policy_.use == DevicePolicy::Use::kFirst && !policy_.runtime_fallback) return false;
  return member.state == DeviceState::kStandby || member.state == DeviceState::kCompiling;
}

// A member that stands by or is idle is to be made ready now.
bool DeviceSupervisor::wanted(std::size_t position) const {
  const auto& member = members_[position];
  if (member.state == DeviceState::kIdle) {
    // One after the other: the first may be enough for what waits, unless it waits itself, for memory.
    const auto comes = [](const Member& other) { return other.returning && other.short_since == kNever; };
    if (!woken_ || member.working || std::ranges::any_of(members_, comes)) return false;
    return policy_.use != DevicePolicy::Use::kFirst || !best_serving();
  }
  if (member.state != DeviceState::kStandby || member.working || !member.device.compile) return false;
  if (policy_.use != DevicePolicy::Use::kFirst) return true;
  const auto serving = best_serving();
  // One that is idle serves as soon as it is needed.
  const auto sleeps = [](const Member& other) { return other.state == DeviceState::kIdle || other.returning; };
  if (!serving && std::ranges::any_of(members_, sleeps)) return false;
  if (!serving) return policy_.runtime_fallback || !std::ranges::any_of(members_, &Member::lost);
  if (policy_.measure && !member.measured) return true;
  return better(position, *serving);
}

// Nothing before run(): until then open() makes the members ready, one after the other.
void DeviceSupervisor::plan_work() {
  if (!planned_) return;
  const auto now = Clock::now();
  TimePoint next = kNever;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    auto& member = members_[i];
    if (member.working || member.retry_at == kNever) continue;
    if (member.retry_at <= now) {
      begin(i);
    } else {
      next = std::min(next, member.retry_at);
    }
  }
  for (const auto i : best_first()) {
    // kFirst: one after the other, so that a device that is not needed is not compiled for; a quick one does not wait
    // for that when nothing serves.
    const bool busy = std::ranges::any_of(members_, [](const Member& m) { return m.working && !m.lost; });
    const bool alone = policy_.use == DevicePolicy::Use::kFirst && busy;
    if (wanted(i) && (!alone || (members_[i].device.quick && !best_serving()))) begin(i);
  }
  plan_settling();
  for (const auto& member : members_) {
    if (!member.working && member.retry_at != kNever) next = std::min(next, member.retry_at);
  }
  if (next != kNever) context_.timer.arm(*this, next);
}

// Whether a better member may take over soon: one that was not tried yet, or is being tried, or was lost.
bool DeviceSupervisor::is_interim(std::size_t position) const {
  if (policy_.use != DevicePolicy::Use::kFirst) return false;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const auto& other = members_[i];
    const bool coming = other.state == DeviceState::kStandby || other.state == DeviceState::kCompiling || other.lost;
    const bool open = policy_.ranks(members_.size()) && !other.measured;
    if (i != position && coming && other.device.compile && (open ? i < position : better(i, position))) return true;
  }
  return false;
}

// One that came for a moment and is to stay, because nothing better is being made ready, is measured now.
void DeviceSupervisor::plan_settling() {
  if (std::ranges::any_of(members_, &Member::working)) return;
  const auto serving = best_serving();
  if (!serving || !members_[*serving].unmeasured) return;
  auto& member = members_[*serving];
  member.working = context_.compilations.submit([self = shared_from_this(), i = *serving] { self->settle(i); });
}

void DeviceSupervisor::begin(std::size_t position) {
  auto& member = members_[position];
  member.working = true;
  member.retry_at = kNever;
  const bool awaited = member.device.quick || member.returning || member.state == DeviceState::kIdle;
  auto& threads = !awaited || best_serving() ? context_.compilations
                  : member.device.quick      ? context_.rescues
                                             : context_.returns;
  const bool queued = threads.submit([self = shared_from_this(), position] { self->work(position); });
  if (queued) {
    const bool waits = member.returning && member.short_since != kNever;
    member.returning = member.returning || member.state == DeviceState::kIdle;
    if (waits) return;  // its state says so already
    set_state(position, DeviceState::kCompiling,
              member.lost        ? "was lost; is being tried again"
              : member.returning ? "was idle; requests wait for it"
                                 : "");
    return;
  }
  member.working = false;
  member.retry_at = Clock::now() + policy_.first_retry;
}

}  // namespace ocelli::serving
