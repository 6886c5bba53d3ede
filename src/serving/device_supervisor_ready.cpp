// Making devices ready, before the first request and in the background.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/heap.hpp"
#include "scheduling/device_speed.hpp"
#include "serving/device_supervisor.hpp"
#include "serving/signature_match.hpp"

namespace ocelli::serving {
namespace {

// Each of the two measurements of a device.
constexpr Duration kMeasureSlice = std::chrono::milliseconds(150);

std::int64_t milliseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

constexpr std::string_view kUnbatched = "requests are not batched: a run gave other rows than it was given";

void add_note(ExecutionInfo& info, std::string_view remark) {
  if (remark.empty()) return;
  info.note.append(info.note.empty() ? "" : "; ").append(remark);
}

}  // namespace

// --- making ready

Result<scheduling::ExecutorSpec> DeviceSupervisor::compile(std::size_t position, bool full_ends) {
  auto& device = members_[position].device;
  if (device.ready) return std::move(*std::exchange(device.ready, std::nullopt));
  if (!device.compile) return unavailable(fmt::format("{} cannot be compiled for again", device.target));
  return device.compile(stop_.get_token(), full_ends);
}

// Before anything else: what was measured at an earlier start need not be measured, or compiled, again.
void DeviceSupervisor::recall_speeds() {
  if (!policy_.ranks(members_.size())) return;
  for (auto& member : members_) {
    const auto speed = member.device.speed_notes ? member.device.speed_notes->find("") : std::nullopt;
    if (!speed) continue;
    member.measured = true;
    take_speed(member, *speed, " (found out at an earlier start)");
  }
}

// The member's score.
void DeviceSupervisor::take_speed(Member& member, const scheduling::DeviceSpeed& speed, std::string_view how) {
  const auto latency = std::chrono::duration<double>(speed.latency).count();
  member.score = policy_.by_latency ? 1 / std::max(latency, 1e-9) : speed.runs_per_second;
  log_.info("{}: {} runs the model {:.1f} times per second, once in {:.3f} ms{}", label_, member.device.target,
            speed.runs_per_second, latency * 1e3, how);
}

// Measures the model, once, where the policy asks for it.
void DeviceSupervisor::measure(std::size_t position, scheduling::ExecutorSpec& spec) {
  auto& member = members_[position];
  if (!policy_.ranks(members_.size())) return;
  {
    const Lock lock(mutex_);
    if (std::exchange(member.measured, true)) return;
  }
  const auto speed = scheduling::measure_speed(*spec.model, spec.lanes, kMeasureSlice);
  if (!speed)
    return log_.info("{}: {} cannot be measured; it serves where none that was measured does", label_,
                     member.device.target);
  {
    const Lock lock(mutex_);
    take_speed(member, *speed, "");
  }
  if (member.device.speed_notes) member.device.speed_notes->keep("", *speed);
}

// Hands the compiled model to the scheduler.
Status DeviceSupervisor::admit(std::size_t position, Obtained made) {
  auto& spec = made.spec;
  if (signature_) {
    const auto difference = signature_difference(spec.model->signature(), *signature_);
    if (!difference.empty())
      return invalid_argument("other inputs or outputs than the device that was ready first: " + difference);
  }
  const auto begun = Clock::now();
  measure(position, spec);
  const auto model = spec.model;
  spec.position = position;
  {
    const Lock lock(mutex_);
    spec.provisional = !model->stateful() && is_interim(position);
  }
  if (auto status = scheduler_->add(std::move(spec)); !status.ok()) return status;
  const auto took = Clock::now() - begun;
  const auto usage = scheduler_->usage(position);
  const auto warm_up = usage ? usage->warm_up : took;
  const auto measuring = took - warm_up;
  bool awaited = false;
  {
    const Lock lock(mutex_);
    awaited = members_[position].returning || members_[position].lost;
  }
  if (usage && made.claim) context_.memory.begin_turn(*made.claim, usage->memory_bytes, made.compile_time, awaited);
  const Lock lock(mutex_);
  if (!signature_) {
    signature_ = model->signature();
    model_info_ = model->model_info();
  }
  auto& member = members_[position];
  member.scheduled = true;
  member.state = DeviceState::kServing;
  member.claim = made.claim;
  if (usage) take_usage(member, *usage);
  board_->update(position, [&](DeviceReport& report) {
    report.state = DeviceState::kServing;
    report.reason.clear();
    report.info = model->info();
    report.info.memory_bytes = member.bytes;
    report.compile_time = made.compile_time;
    report.warm_up_time = warm_up;
    report.measure_time = measuring;
    member.own_note = report.info.note;
    if (usage) add_note(report.info, member.unbatched ? kUnbatched : usage->batching.remark);
    report.attempts = 0;
    report.next_attempt = {};
  });
  log_.info("{}: {} serves on {} {} in {}; compiled in {} ms, warmed up in {} ms, measured in {} ms", label_,
            member.device.target, model->info().runtime, model->info().device, model->info().precision,
            milliseconds(made.compile_time), milliseconds(warm_up), milliseconds(measuring));
  return {};
}

// With the lock held. What the scheduler has found out about a member's model.
void DeviceSupervisor::take_usage(Member& member, const scheduling::DeviceUsage& usage) {
  member.bytes = usage.memory_bytes;
  member.unmeasured = usage.unmeasured;
  if (!usage.unmeasured) member.batching = usage.batching;
}

void DeviceSupervisor::on_device_unbatched(std::size_t position, std::function<void()> note) noexcept {
  if (note && !context_.cleanup.submit(note)) note();
  const Lock lock(mutex_);
  members_[position].unbatched = true;
  board_->update(position, [](DeviceReport& report) { add_note(report.info, kUnbatched); });
}

// With the lock held. What a member's model takes over, when it is made again, instead of being measured.
std::optional<scheduling::BatchFindings> DeviceSupervisor::decided(const Member& member) {
  if (member.unbatched) return scheduling::BatchFindings{};
  return member.batching;
}

// Ends an attempt: what it came to, unless the device was lost meanwhile.
Status DeviceSupervisor::finish(std::size_t position, Status status) {
  auto& member = members_[position];
  member.working = false;
  if (closing_) return status;
  if (status.ok() && member.went_out) {
    status = std::move(*member.went_out);
    member.lost = true;
  }
  member.went_out.reset();
  const bool returned = std::exchange(member.returning, false);
  member.short_since = kNever;
  if (!status.ok()) {
    member.lost = member.lost || returned;
    note_failure(position, status);
  } else {
    member.lost = false;
    member.serving_since = Clock::now();
    if (returned) metrics_->device_returns.fetch_add(1, std::memory_order_relaxed);
  }
  return status;
}

// --- in the background

// One attempt at one device.
void DeviceSupervisor::work(std::size_t position) noexcept {
  if (!take_out(position) || !still_needed(position)) return;
  auto made = obtain_in_background(position);
  if (!enter()) return;
  auto status = made.ok() ? admit(position, std::move(*made)) : made.status();
  {
    const Lock lock(mutex_);
    if (!wait_for_memory(position, status)) {
      status = finish(position, std::move(status));
      keep_place(position, status);
    }
  }
  if (status.ok()) {
    retire_others();
    return_free_memory();  // of what was retired, and what compiling took beside the model
  }
  go_on();
}

// Whoever uses the scheduler in the background does so between these. False when the plan ends.
bool DeviceSupervisor::enter() {
  const Lock lock(mutex_);
  if (closing_) return false;
  ++inside_;
  return true;
}

void DeviceSupervisor::leave() {
  const Lock lock(mutex_);
  --inside_;
  left_.notify_all();
}

// Ends what has changed who serves: the scheduler is told, and the plan goes on from there. After enter().
void DeviceSupervisor::go_on() noexcept {
  sync_expectation();
  {
    const Lock lock(mutex_);
    if (!closing_) plan_work();
  }
  leave();
}

// Takes a lost device from the scheduler, so that its memory is free before it is compiled for again. False when the
// plan ends.
bool DeviceSupervisor::take_out(std::size_t position) {
  {
    const Lock lock(mutex_);
    if (closing_) return false;
    if (!std::exchange(members_[position].scheduled, false)) return true;
    ++inside_;
  }
  const bool gone = scheduler_->remove(position, policy_.first_retry);
  const Lock lock(mutex_);
  --inside_;
  left_.notify_all();
  if (!gone) warn_of_endless_run(position);
  return !closing_;
}

void DeviceSupervisor::warn_of_endless_run(std::size_t position) const {
  log_.warning("{}: runs on {} do not end; its memory stays in use", label_, members_[position].device.target);
}

// kFirst: only the best of those that serve goes on.
void DeviceSupervisor::retire_others() {
  if (policy_.use != DevicePolicy::Use::kFirst) return;
  std::vector<std::size_t> leaving;
  std::string winner;
  {
    const Lock lock(mutex_);
    const auto best = best_serving();
    if (!best) return;
    winner = members_[*best].device.target;
    for (std::size_t i = 0; i < members_.size(); ++i) {
      auto& member = members_[i];
      if (member.state == DeviceState::kIdle && !member.working)
        set_state(i, DeviceState::kStandby, why_standby(i, *best));
      if (i == *best || member.state != DeviceState::kServing || member.working || !member.device.compile) continue;
      member.working = true;
      set_state(i, DeviceState::kStandby, why_standby(i, *best));
      leaving.push_back(i);
    }
    explain_standby();
  }
  // From here on they can stand in again: should the winner be lost now, requests wait for them.
  sync_expectation();
  for (const auto position : leaving) {
    log_.info("{}: {} serves now; {} stands by, and its memory is given back", label_, winner,
              members_[position].device.target);
    scheduler_->remove(position, kLeaveTime);
    const Lock lock(mutex_);
    auto& member = members_[position];
    member.working = false;
    member.scheduled = false;
    member.went_out.reset();
  }
}

// Finds out what was left open so that requests did not wait for it. It goes on serving meanwhile.
void DeviceSupervisor::settle(std::size_t position) noexcept {
  if (!enter()) return;
  const auto begun = Clock::now();
  const auto status = scheduler_->measure(position);
  const auto took = Clock::now() - begun;
  const auto usage = scheduler_->usage(position);
  std::weak_ptr<MemoryClaim> held;
  {
    const Lock lock(mutex_);
    auto& member = members_[position];
    if (!status.ok()) log_.info("{}: {} serves on as it is: {}", label_, member.device.target, status.message());
    if (usage) take_usage(member, *usage);
    member.unmeasured = false;  // one attempt, which may have failed
    held = member.claim;
    board_->update(position, [&](DeviceReport& report) {
      report.info.memory_bytes = member.bytes;
      report.measure_time += took;
      if (!usage) return;
      report.info.note = member.own_note;
      add_note(report.info, member.unbatched ? kUnbatched : usage->batching.remark);
    });
    (void)finish(position, {});
  }
  // Forms that were tried and did not pay are gone again. The member may give its memory up from here on, so that the
  // claim must not be held longer.
  if (const auto claim = held.lock(); claim && usage) context_.memory.charge(*claim, usage->memory_bytes);
  retire_others();  // a better one may have come meanwhile
  go_on();
}

// Lets the scheduler keep requests waiting when the last device is lost but another one stands by.
void DeviceSupervisor::sync_expectation() noexcept {
  const Lock order(expectation_mutex_);
  bool coming = false;
  bool asleep = false;
  Status why;
  {
    const Lock lock(mutex_);
    coming = !closing_ && std::ranges::any_of(members_, [this](const Member& member) { return may_stand_in(member); });
    asleep = !closing_ && std::ranges::any_of(members_, [](const Member& member) {
      return member.leaving || member.returning || member.state == DeviceState::kIdle;
    });
    why = last_failure_;
  }
  scheduler_->expect_device(coming, asleep, why);
}

}  // namespace ocelli::serving
