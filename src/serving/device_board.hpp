// DeviceBoard: the truth about where one version of a model runs, device by device, at any moment.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "runtime/compile_options.hpp"

namespace ocelli::serving {

// What a device of a plan is doing.
enum class DeviceState : std::uint8_t {
  kStandby,    // could serve, but is not needed now; the model is not in its memory
  kCompiling,  // is being made ready
  kServing,    // takes requests
  kIdle,       // served, and gave its memory back; the next request brings it back
  kFailed,     // could not be made ready; is not tried again, unless next_attempt is set
  kLost,       // served, and then failed; is probed again
};
// "standby", "compiling", ...
std::string_view device_state_name(DeviceState state) noexcept;

// One device of a plan.
struct DeviceReport {
  std::string target;  // as the user named it: "NVIDIA.0"
  DeviceState state = DeviceState::kStandby;
  std::string reason;                             // why it is in this state; empty when it serves as was asked
  std::chrono::system_clock::time_point since{};  // when it came into this state
  // What the runtime says about the model that is, or was last, on the device; runtime is empty before the first.
  ExecutionInfo info;
  Duration compile_time{};                               // of the last compilation
  Duration warm_up_time{};                               // first runs after it
  Duration measure_time{};                               // finding out its speed and what batching does
  std::uint32_t attempts = 0;                            // failures since it served last
  std::chrono::system_clock::time_point next_attempt{};  // when it is tried again; epoch: not planned

  // The reason, else what differs from what was asked for; one of them at most is what a user has to know first.
  [[nodiscard]] const std::string& remark() const noexcept { return reason.empty() ? info.note : reason; }
};

// Thread-safe. Positions are those of the plan, which do not change.
class DeviceBoard {
 public:
  explicit DeviceBoard(const std::vector<std::string>& targets);
  // A board on which these serve for good.
  static std::shared_ptr<const DeviceBoard> of(std::vector<ExecutionInfo> serving);

  // What every device is doing now.
  [[nodiscard]] std::vector<DeviceReport> reports() const;
  // Calls change(report) with the board locked; `since` follows a change of state.
  void update(std::size_t position, const std::function<void(DeviceReport&)>& change);
  // From now on this board shows what that one does, whose plan is the same: the model was compiled anew. That one does
  // not follow this one. Such a board is not updated itself.
  void follow(std::shared_ptr<const DeviceBoard> other);

 private:
  mutable std::mutex mutex_;
  std::vector<DeviceReport> reports_;
  std::shared_ptr<const DeviceBoard> followed_;
};

}  // namespace ocelli::serving
