// Making devices ready and what happens to them; device_supervisor_plan.cpp decides who is to serve,
// device_supervisor_memory.cpp gives memory up and asks for it.
#include "serving/device_supervisor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/heap.hpp"
#include "scheduling/device_speed.hpp"
#include "serving/signature_match.hpp"

namespace ocelli::serving {
namespace {

// What runs on a device that is to go may take so long before it is asked to stop.
constexpr Duration kLeaveTime = std::chrono::seconds(30);
// Each of the two measurements of a device.
constexpr Duration kMeasureSlice = std::chrono::milliseconds(150);

std::vector<std::string> targets_of(const std::vector<PlannedDevice>& devices) {
  std::vector<std::string> targets;
  for (const auto& device : devices) targets.push_back(device.target);
  return targets;
}

// A wrong parameter or a missing file is as wrong on every other device: going on would hide the mistake.
bool is_users_mistake(const Status& status) {
  return status.code() == StatusCode::kInvalidArgument || status.code() == StatusCode::kNotFound;
}

// A device that is busy or full may have room later; one that is not there or refuses the model will not change its
// mind.
bool may_pass(const Status& status) {
  return status.code() == StatusCode::kUnavailable || status.code() == StatusCode::kResourceExhausted;
}

std::int64_t milliseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

}  // namespace

std::shared_ptr<DeviceSupervisor> DeviceSupervisor::create(std::string label, std::vector<PlannedDevice> devices,
                                                           DevicePolicy policy, ServingContext& context,
                                                           std::shared_ptr<observability::ServableMetrics> metrics) {
  return std::shared_ptr<DeviceSupervisor>(
      new DeviceSupervisor(std::move(label), std::move(devices), policy, context, std::move(metrics)));
}

DeviceSupervisor::DeviceSupervisor(std::string label, std::vector<PlannedDevice> devices, DevicePolicy policy,
                                   ServingContext& context, std::shared_ptr<observability::ServableMetrics> metrics)
    : label_(std::move(label)),
      policy_(policy),
      context_(context),
      metrics_(std::move(metrics)),
      log_(context.log.channel("devices")),
      board_(std::make_shared<DeviceBoard>(targets_of(devices))) {
  for (auto& device : devices) {
    auto& member = members_.emplace_back();
    member.device = std::move(device);
    if (member.device.memory.empty()) member.device.memory = member.device.target;
    member.bytes = member.device.memory_bytes;
  }
  context_.timer.add(*this);
}

DeviceSupervisor::~DeviceSupervisor() { close(); }

void DeviceSupervisor::close() noexcept {
  stop_.request_stop();
  {
    Lock lock(mutex_);
    if (std::exchange(closing_, true)) return;
    left_.wait(lock, [this] { return inside_ == 0; });
  }
  context_.timer.remove(*this);
}

// --- before the first request

Status DeviceSupervisor::open(scheduling::Scheduler& scheduler) {
  scheduler_ = &scheduler;
  const auto status = policy_.use == DevicePolicy::Use::kAll ? open_all() : open_one();
  if (status.ok()) sync_expectation();
  return status;
}

Status DeviceSupervisor::open_all() {
  for (std::size_t i = 0; i < members_.size(); ++i) {
    auto status = bring_up(i);
    if (status.ok()) continue;
    if (members_.size() == 1) return status;
    return {status.code(), fmt::format("{}: {}", members_[i].device.target, status.message())};
  }
  return {};
}

// A quick device first, where that is wanted; else, and when it fails, the first one that works.
Status DeviceSupervisor::open_one() {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < members_.size(); ++i) order.push_back(i);
  if (policy_.startup_fallback)
    std::ranges::stable_partition(order, [this](std::size_t i) { return members_[i].device.quick; });
  Status first;
  std::string reasons;
  for (const auto position : order) {
    const auto status = bring_up(position);
    if (status.ok()) return {};
    if (is_users_mistake(status)) return status;
    if (first.ok()) first = status;
    reasons += fmt::format("{}{}: {}", reasons.empty() ? "" : "; ", members_[position].device.target, status.message());
  }
  return {first.code(), reasons};
}

Status DeviceSupervisor::bring_up(std::size_t position) {
  {
    const Lock lock(mutex_);
    members_[position].working = true;
    set_state(position, DeviceState::kCompiling, "");
  }
  auto made = obtain_at_load(position);
  const auto status = made.ok() ? admit(position, std::move(*made)) : made.status();
  const Lock lock(mutex_);
  return finish(position, status);
}

void DeviceSupervisor::run() {
  const Lock lock(mutex_);
  plan_work();
}

// --- making ready

Result<scheduling::ExecutorSpec> DeviceSupervisor::compile(std::size_t position, bool full_ends) {
  auto& device = members_[position].device;
  if (device.ready) return std::move(*std::exchange(device.ready, std::nullopt));
  if (!device.compile) return unavailable(fmt::format("{} cannot be compiled for again", device.target));
  return device.compile(stop_.get_token(), full_ends);
}

// Measures the model where the policy asks for it; the result is this member's score.
void DeviceSupervisor::measure(std::size_t position, scheduling::ExecutorSpec& spec) {
  if (!policy_.measure || policy_.use != DevicePolicy::Use::kFirst || members_.size() == 1) return;
  members_[position].measured = true;
  const auto speed = scheduling::measure_speed(*spec.model, spec.lanes, kMeasureSlice);
  if (!speed)
    return log_.info("{}: {} cannot be measured; its place in the list counts", label_,
                     members_[position].device.target);
  const auto latency = std::chrono::duration<double>(speed->latency).count();
  log_.info("{}: {} runs the model {:.1f} times per second, once in {:.3f} ms", label_,
            members_[position].device.target, speed->runs_per_second, latency * 1e3);
  const Lock lock(mutex_);
  members_[position].score = policy_.by_latency ? 1 / std::max(latency, 1e-9) : speed->runs_per_second;
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
  if (auto status = scheduler_->add(std::move(spec)); !status.ok()) return status;
  const auto warm_up = Clock::now() - begun;
  const auto usage = scheduler_->usage(position);
  if (usage && made.claim) context_.memory.begin_turn(*made.claim, usage->memory_bytes, made.compile_time);
  const Lock lock(mutex_);
  if (!signature_) {
    signature_ = model->signature();
    model_info_ = model->model_info();
  }
  auto& member = members_[position];
  member.scheduled = true;
  member.state = DeviceState::kServing;
  if (usage) {
    member.bytes = usage->memory_bytes;
    member.batching = usage->batching;
  }
  board_->update(position, [&](DeviceReport& report) {
    report.state = DeviceState::kServing;
    report.reason.clear();
    report.info = model->info();
    report.info.memory_bytes = member.bytes;
    report.compile_time = made.compile_time;
    report.warm_up_time = warm_up;
    report.attempts = 0;
    report.next_attempt = {};
  });
  log_.info("{}: {} serves on {} {} in {}; compiled in {} ms, warmed up in {} ms", label_, member.device.target,
            model->info().runtime, model->info().device, model->info().precision, milliseconds(made.compile_time),
            milliseconds(warm_up));
  return {};
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
    if (!wait_for_memory(position, status)) status = finish(position, std::move(status));
  }
  if (status.ok()) {
    retire_others();
    return_free_memory();  // of what was retired, and what compiling took beside the model
  }
  sync_expectation();
  {
    const Lock lock(mutex_);
    if (!closing_) plan_work();
  }
  leave();
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
  if (!gone)
    log_.warning("{}: runs on {} do not end; its memory stays in use", label_, members_[position].device.target);
  return !closing_;
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
        set_state(i, DeviceState::kStandby, fmt::format("{} is preferred and serves", winner));
      if (i == *best || member.state != DeviceState::kServing || member.working || !member.device.compile) continue;
      member.working = true;
      set_state(i, DeviceState::kStandby,
                policy_.measure && member.score ? fmt::format("{} is faster on this model", winner)
                                                : fmt::format("{} is preferred and serves", winner));
      leaving.push_back(i);
    }
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
      return member.leaving || member.state == DeviceState::kIdle;
    });
    why = last_failure_;
  }
  scheduler_->expect_device(coming, asleep, why);
}

// --- what happens to devices

void DeviceSupervisor::on_device_out(std::size_t position, const Status& why) noexcept {
  const Lock lock(mutex_);
  auto& member = members_[position];
  if (closing_) return;
  if (member.working) {
    member.went_out = why;  // finish() sees to it
    return;
  }
  member.lost = true;
  // One that fails again soon after it came back waits longer each time.
  const bool stable = Clock::now() - member.serving_since >= policy_.last_retry;
  member.failures = stable ? 0 : member.failures;
  note_failure(position, why);
  plan_work();
}

void DeviceSupervisor::on_device_limited(std::size_t position, std::uint32_t items, const Status& why) noexcept {
  board_->update(position, [&](DeviceReport& report) {
    report.reason = fmt::format("out of memory ({}); batches have at most {} items for now", why.message(), items);
  });
}

void DeviceSupervisor::on_device_unbatched(std::size_t position) noexcept {
  board_->update(position, [&](DeviceReport& report) {
    report.info.note += fmt::format("{}requests are not batched: a run gave other rows than it was given",
                                    report.info.note.empty() ? "" : "; ");
  });
}

void DeviceSupervisor::on_timer(TimePoint) noexcept {
  const Lock lock(mutex_);
  if (!closing_) plan_work();
}

void DeviceSupervisor::note_failure(std::size_t position, const Status& why) {
  auto& member = members_[position];
  if (member.lost || may_pass(why)) {
    schedule_retry(member);
  } else {
    member.retry_at = kNever;
  }
  set_state(position, member.lost ? DeviceState::kLost : DeviceState::kFailed, std::string(why.message()));
  last_failure_ = unavailable(fmt::format("{} is out of use ({})", member.device.target, why.message()));
  board_->update(position, [&](DeviceReport& report) {
    report.attempts = member.failures;
    report.next_attempt = {};
    if (member.retry_at != kNever)
      report.next_attempt =
          std::chrono::system_clock::now() +
          std::chrono::duration_cast<std::chrono::system_clock::duration>(member.retry_at - Clock::now());
  });
  if (member.retry_at != kNever) {
    log_.warning("{}: {} is {} ({}); it is tried again in {} ms", label_, member.device.target,
                 device_state_name(member.state), why.message(), milliseconds(member.retry_at - Clock::now()));
  } else {
    log_.info("{}: {} cannot be used: {}", label_, member.device.target, why.message());
  }
}

void DeviceSupervisor::schedule_retry(Member& member) {
  if (!member.device.compile) return;
  auto wait = policy_.first_retry;
  for (std::uint32_t i = 0; i < member.failures && wait < policy_.last_retry; ++i) wait *= 2;
  ++member.failures;
  member.retry_at = Clock::now() + std::min(wait, policy_.last_retry);
}

void DeviceSupervisor::set_state(std::size_t position, DeviceState state, std::string reason) {
  members_[position].state = state;
  board_->update(position, [&](DeviceReport& report) {
    report.state = state;
    report.reason = std::move(reason);
  });
}

}  // namespace ocelli::serving
