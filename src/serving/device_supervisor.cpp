// What a plan begins with, and what happens to its devices. device_supervisor_plan.cpp decides who is to serve,
// device_supervisor_ready.cpp makes devices ready, device_supervisor_memory.cpp gives memory up and asks for it.
#include "serving/device_supervisor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ocelli::serving {
namespace {

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
    member.bytes = member.first_form_bytes = member.device.memory_bytes;
  }
  recall_speeds();
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
  // A program that ends waits for no load.
  const std::stop_callback ending(context_.ending.get_token(), [this] { stop_.request_stop(); });
  auto status = policy_.use == DevicePolicy::Use::kAll ? open_all() : open_one();
  if (status.ok()) sync_expectation();
  return status;
}

// All members serve together: what they take of one memory, as far as is known, has to fit there together.
Status DeviceSupervisor::check_room() const {
  std::map<std::string, std::uint64_t> needed;
  for (const auto& member : members_) needed[member.device.memory] += member.bytes;
  const auto label = members_.size() == 1 ? label_ : fmt::format("{}, on {} devices", label_, members_.size());
  for (const auto& [memory, bytes] : needed) {
    if (auto status = context_.memory.check_limit(memory, label, bytes); !status.ok()) return status;
  }
  return {};
}

Status DeviceSupervisor::open_all() {
  if (auto status = check_room(); !status.ok()) return status;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    auto status = bring_up(i);
    if (status.ok()) continue;
    if (members_.size() == 1) return status;
    return {status.code(), fmt::format("{}: {}", members_[i].device.target, status.message())};
  }
  return {};
}

// A quick device first, where that is wanted; else, and when it fails, the one that is known to be the fastest, then
// the first one that works.
Status DeviceSupervisor::open_one() {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < members_.size(); ++i) order.push_back(i);
  if (const auto fastest = fastest_known()) {
    const auto first = order.begin();
    std::rotate(first, first + static_cast<std::ptrdiff_t>(*fastest),
                first + static_cast<std::ptrdiff_t>(*fastest) + 1);
  }
  if (policy_.startup_fallback)
    std::ranges::stable_partition(order, [this](std::size_t i) { return members_[i].device.quick; });
  Status first;
  std::string reasons;
  for (const auto position : order) {
    auto status = bring_up(position);
    if (status.ok()) return {};
    // What one refuses, such as a precision, another may take; a mistake is what all refuse, and weighs most then.
    if (first.ok() || (is_users_mistake(status) && !is_users_mistake(first))) first = status;
    reasons += fmt::format("{}{}: {}", reasons.empty() ? "" : "; ", members_[position].device.target, status.message());
  }
  return {first.code(), reasons};
}

Status DeviceSupervisor::bring_up(std::size_t position) {
  if (stop_.stop_requested()) return unavailable("the server ends");
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
  planned_ = true;
  explain_standby();
  plan_work();
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
    if (report.state != DeviceState::kServing) return;  // lost meanwhile, which is the better reason
    report.reason = fmt::format("out of memory ({}); batches have at most {} items for now", why.message(), items);
  });
}

void DeviceSupervisor::on_device_relaxed(std::size_t position, std::uint32_t items) noexcept {
  board_->update(position, [&](DeviceReport& report) {
    if (report.state != DeviceState::kServing) return;
    report.reason = items == 0 ? "" : fmt::format("was out of memory; batches have at most {} items for now", items);
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
                 device_state_name(member.state), why.message(),
                 std::chrono::duration_cast<std::chrono::milliseconds>(member.retry_at - Clock::now()).count());
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
