#include "serving/device_board.hpp"

#include <utility>

namespace ocelli::serving {

std::string_view device_state_name(DeviceState state) noexcept {
  switch (state) {
    case DeviceState::kStandby:
      return "standby";
    case DeviceState::kCompiling:
      return "compiling";
    case DeviceState::kServing:
      return "serving";
    case DeviceState::kIdle:
      return "idle";
    case DeviceState::kFailed:
      return "failed";
    case DeviceState::kLost:
      return "lost";
  }
  return "unknown";
}

DeviceBoard::DeviceBoard(const std::vector<std::string>& targets) {
  const auto now = std::chrono::system_clock::now();
  for (const auto& target : targets) {
    auto& report = reports_.emplace_back();
    report.target = target;
    report.info.device = target;
    report.since = now;
  }
}

std::shared_ptr<const DeviceBoard> DeviceBoard::of(std::vector<ExecutionInfo> serving) {
  std::vector<std::string> targets;
  for (const auto& info : serving) targets.push_back(info.device);
  auto board = std::make_shared<DeviceBoard>(targets);
  for (std::size_t i = 0; i < serving.size(); ++i) {
    board->reports_[i].state = DeviceState::kServing;
    board->reports_[i].info = std::move(serving[i]);
  }
  return board;
}

std::vector<DeviceReport> DeviceBoard::reports() const {
  std::unique_lock lock(mutex_);
  if (!followed_) return reports_;
  const auto other = followed_;
  lock.unlock();
  return other->reports();
}

void DeviceBoard::follow(std::shared_ptr<const DeviceBoard> other) {
  const std::lock_guard lock(mutex_);
  followed_ = std::move(other);
}

void DeviceBoard::update(std::size_t position, const std::function<void(DeviceReport&)>& change) {
  const std::lock_guard lock(mutex_);
  auto& report = reports_.at(position);
  const auto before = report.state;
  change(report);
  if (report.state != before) report.since = std::chrono::system_clock::now();
}

}  // namespace ocelli::serving
