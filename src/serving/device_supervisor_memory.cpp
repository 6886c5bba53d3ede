// Giving memory up while there is nothing to do, and asking for it again.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/heap.hpp"
#include "serving/device_supervisor.hpp"

namespace ocelli::serving {
namespace {

// Whoever waits for memory asks again so often.
constexpr Duration kAskAgain = std::chrono::milliseconds(20);
// The same where requests are refused meanwhile; often enough to keep its place among those who wait.
constexpr Duration kAskWhileLost = std::chrono::milliseconds(100);

}  // namespace

// --- asking

Result<std::shared_ptr<MemoryClaim>> DeviceSupervisor::claim_memory(std::size_t position, bool urgent) {
  DeviceMemory::Request request{
      members_[position].device.memory, label_, shared_from_this(), position, 0, urgent, policy_.idle_after};
  request.together = policy_.use != DevicePolicy::Use::kFirst;
  {
    const Lock lock(mutex_);
    // Of a model that does not batch any more only the first form is made.
    const auto& member = members_[position];
    request.bytes = member.unbatched ? member.first_form_bytes : member.bytes;
  }
  return context_.memory.claim(request);
}

// Compiles. A runtime that is out of memory is asked once more without the models that were idle there.
Result<DeviceSupervisor::Obtained> DeviceSupervisor::obtain(std::size_t position, std::shared_ptr<MemoryClaim> claim,
                                                            bool urgent) {
  const auto& device = members_[position].device;
  const bool others = context_.memory.has_others(device.memory, *this, position);
  auto begun = Clock::now();
  auto made = compile(position, others);
  if (!made.ok() && made.status().code() == StatusCode::kResourceExhausted && others && device.compile) {
    const auto count = context_.memory.free_idle(device.memory, *this, position);
    log_.info("{}: {} was out of memory ({}); {} idle models were taken off, and it is tried again", label_,
              device.target, made.status().message(), count);
    begun = Clock::now();
    made = compile(position, false);
  }
  if (!made.ok()) return made.status();
  Obtained obtained{std::move(claim), std::move(*made), Clock::now() - begun};
  const auto bytes = obtained.spec.model->info().memory_bytes;
  {
    const Lock lock(mutex_);
    auto& member = members_[position];
    member.first_form_bytes = bytes;
    // After the first time it is known what all forms of the model take together.
    member.bytes = member.batching && !member.unbatched ? std::max(bytes, member.bytes) : bytes;
    obtained.spec.decided = decided(member);
  }
  if (auto status = context_.memory.resize(*obtained.claim, bytes, urgent); !status.ok()) {
    const Lock lock(mutex_);
    members_[position].outgrown = true;
    return status;
  }
  // A form for batches is compiled only where there is room for it.
  if (auto compile_batch = std::move(obtained.spec.compile_for_batch)) {
    obtained.spec.compile_for_batch = [compile_batch, bytes, held = obtained.claim, &memory = context_.memory](
                                          std::uint32_t items) -> Result<std::shared_ptr<CompiledModel>> {
      if (auto status = memory.extend(*held, bytes); !status.ok()) return status;
      return compile_batch(items);
    };
  }
  // The memory is given back when the model is gone, whoever holds it last.
  auto* model = obtained.spec.model.get();
  obtained.spec.model = std::shared_ptr<CompiledModel>(
      model, [kept = std::move(obtained.spec.model), held = obtained.claim](CompiledModel*) mutable {
        kept.reset();
        held.reset();
      });
  return obtained;
}

// Before the first request: a plan that needs this device waits for its memory.
Result<DeviceSupervisor::Obtained> DeviceSupervisor::obtain_at_load(std::size_t position) {
  const auto until = Clock::now() + context_.memory.patience();
  for (;;) {
    auto claim = claim_memory(position, true);
    const bool claimed = claim.ok();
    auto made = claimed ? obtain(position, std::move(*claim), true) : Result<Obtained>(claim.status());
    // A plan that would take another device waits only for those that go anyway.
    const bool worth_it =
        policy_.use == DevicePolicy::Use::kAll || context_.memory.anybody_leaves(members_[position].device.memory);
    Lock lock(mutex_);
    // What a runtime itself has no memory for is not asked for again: each time would be a compilation.
    const bool outgrown = std::exchange(members_[position].outgrown, false);
    const bool waits = !made.ok() && made.status().code() == StatusCode::kResourceExhausted && worth_it &&
                       (!claimed || outgrown) && Clock::now() < until;
    if (!waits) return made;
    // Nobody else could make that room.
    const bool together = policy_.use == DevicePolicy::Use::kAll;
    if (auto status = outgrown && together ? check_room() : Status(); !status.ok()) return status;
    if (context_.hurried.load(std::memory_order_relaxed) > 0) {
      return Status(made.status().code(), fmt::format("{}; it waits for that no longer, because others wait for it",
                                                      made.status().message()));
    }
    set_state(position, DeviceState::kCompiling, "waits for memory: " + std::string(made.status().message()));
    left_.wait_for(lock, kAskAgain, [this] { return stop_.stop_requested(); });
    if (stop_.stop_requested())
      return unavailable(fmt::format("the server ends; until then it waited for memory: {}", made.status().message()));
  }
}

Result<DeviceSupervisor::Obtained> DeviceSupervisor::obtain_in_background(std::size_t position) {
  bool urgent = false;
  {
    const Lock lock(mutex_);
    // Also one that waited in vain: requests have failed for it since.
    urgent = (members_[position].returning || members_[position].lost) && !best_serving();
  }
  auto claim = claim_memory(position, urgent);
  {
    const Lock lock(mutex_);
    members_[position].claimed = claim.ok();
  }
  if (!claim.ok()) return claim.status();
  return obtain(position, std::move(*claim), urgent);
}

// With the lock held. True: requests wait for this member, or have failed for it, and it asks again soon.
bool DeviceSupervisor::wait_for_memory(std::size_t position, const Status& status) {
  auto& member = members_[position];
  if (status.code() != StatusCode::kResourceExhausted || closing_) return false;
  const auto now = Clock::now();
  if (member.lost && !member.returning && !member.claimed) {
    member.working = false;
    member.retry_at = now + kAskWhileLost;
    set_state(position, DeviceState::kLost, "waits for memory: " + std::string(status.message()));
    return true;
  }
  if (!member.returning) return false;
  if (member.short_since == kNever) {
    member.short_since = now;
    log_.info("{}: {} waits for memory: {}", label_, member.device.target, status.message());
  }
  if (now - member.short_since >= context_.memory.patience()) return false;
  member.working = false;
  // Asking the budget costs nothing; a device is asked by compiling.
  member.retry_at = now + (member.claimed ? policy_.first_retry : kAskAgain);
  set_state(position, DeviceState::kCompiling, "waits for memory: " + std::string(status.message()));
  return true;
}

// With the lock held. One that has waited for memory in vain asks on soon enough not to lose its place.
void DeviceSupervisor::keep_place(std::size_t position, const Status& status) {
  auto& member = members_[position];
  if (status.code() != StatusCode::kResourceExhausted || member.claimed || !member.lost) return;
  member.retry_at = std::min(member.retry_at, Clock::now() + kAskWhileLost);
}

// False when the requests that a member was to return for are gone; it is idle again.
bool DeviceSupervisor::still_needed(std::size_t position) {
  {
    const Lock lock(mutex_);
    if (!members_[position].returning) return true;
  }
  if (!enter()) return false;
  const bool needed = scheduler_->waiting() > 0;
  if (!needed) {
    {
      const Lock lock(mutex_);
      auto& member = members_[position];
      member.working = member.returning = false;
      member.short_since = kNever;
      set_state(position, DeviceState::kIdle, "the requests that waited for it are gone");
    }
    sync_expectation();
  }
  leave();
  return needed;
}

// --- giving up

// With the lock held.
bool DeviceSupervisor::may_give_up(const Member& member) const {
  return planned_ && !closing_ && member.state == DeviceState::kServing && member.scheduled && !member.working &&
         bool(member.device.compile);
}

MemoryTenant::Occupation DeviceSupervisor::occupation(std::size_t position) noexcept {
  {
    const Lock lock(mutex_);
    if (members_[position].leaving) return {Use::kLeaving};
    if (!may_give_up(members_[position])) return {};
    ++inside_;
  }
  Occupation found;
  if (!needed_ || !needed_()) {
    if (const auto usage = scheduler_->usage(position))
      found = {usage->idle ? Use::kIdle : Use::kBusy, usage->last_use};
  }
  leave();
  return found;
}

// From here on requests that find no device wait.
bool DeviceSupervisor::prepare_to_leave(std::size_t position) noexcept {
  {
    const Lock lock(mutex_);
    if (!may_give_up(members_[position])) return false;
    members_[position].working = members_[position].leaving = true;
    ++inside_;
  }
  sync_expectation();
  return true;
}

bool DeviceSupervisor::give_up(std::size_t position, TimePoint since, const std::string& why) noexcept {
  if (!prepare_to_leave(position)) return false;
  const bool gone = scheduler_->remove_unused(position, since);
  end_leave(position, gone, why);
  return gone;
}

bool DeviceSupervisor::begin_to_leave(std::size_t position, const std::string& why) noexcept {
  if (!prepare_to_leave(position)) return false;
  const bool queued = context_.departures.submit([self = shared_from_this(), position, why] {
    if (!self->enter()) return;
    const bool ended = self->scheduler_->remove(position, kLeaveTime);
    if (!ended) self->warn_of_endless_run(position);
    self->end_leave(position, true, why);
  });
  if (!queued) {
    end_leave(position, false, why);
    return false;
  }
  leave();
  return true;
}

// After prepare_to_leave() or enter(), which it ends.
void DeviceSupervisor::end_leave(std::size_t position, bool gone, const std::string& why) noexcept {
  if (gone) return_free_memory();
  {
    const Lock lock(mutex_);
    members_[position].leaving = false;
    if (gone && !closing_) {
      fall_asleep(position, why);
    } else {
      static_cast<void>(finish(position, {}));  // it may have been lost meanwhile
    }
  }
  go_on();
}

// With the lock held.
void DeviceSupervisor::fall_asleep(std::size_t position, const std::string& why) {
  auto& member = members_[position];
  member.working = member.scheduled = false;
  member.went_out.reset();
  set_state(position, DeviceState::kIdle, why);
  metrics_->device_unloads.fetch_add(1, std::memory_order_relaxed);
  log_.info("{}: {} is idle ({}); its memory is given back, and the next request brings it back", label_,
            member.device.target, why);
}

void DeviceSupervisor::on_work_waits() noexcept {
  const Lock lock(mutex_);
  if (closing_) return;
  woken_ = true;
  plan_work();
  woken_ = false;
}

// --- out of memory while it runs

bool DeviceSupervisor::may_free_memory(std::size_t position) noexcept {
  return context_.memory.has_others(members_[position].device.memory, *this, position);
}

void DeviceSupervisor::on_device_full(std::size_t position) noexcept {
  const bool queued = context_.rescues.submit([self = shared_from_this(), position] { self->relieve(position); });
  if (!queued) scheduler_->resume(position);
}

void DeviceSupervisor::relieve(std::size_t position) noexcept {
  if (!enter()) return;
  const auto& device = members_[position].device;
  const auto count = context_.memory.free_idle(device.memory, *this, position);
  log_.warning("{}: {} was out of memory; {} idle models were taken off, and the run is tried again", label_,
               device.target, count);
  scheduler_->resume(position);
  leave();
}

}  // namespace ocelli::serving
