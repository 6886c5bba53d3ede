// DeviceSupervisor: carries a model's device plan out while the model serves: who is made ready when, who takes over,
// who is tried again.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "runtime/model_signature.hpp"
#include "scheduling/device_watch.hpp"
#include "scheduling/scheduler.hpp"
#include "scheduling/timer.hpp"
#include "serving/device_board.hpp"
#include "serving/planned_device.hpp"
#include "serving/serving_context.hpp"

namespace ocelli::serving {

// Thread-safe. Its background work runs on the context's compilation threads and holds it alive; none of it touches the
// scheduler once close() has returned.
class DeviceSupervisor final : public scheduling::DeviceWatch,
                               private scheduling::TimerClient,
                               public std::enable_shared_from_this<DeviceSupervisor> {
 public:
  // label names the model and its version in the log. devices has at least one element.
  static std::shared_ptr<DeviceSupervisor> create(std::string label, std::vector<PlannedDevice> devices,
                                                  DevicePolicy policy, ServingContext& context);
  ~DeviceSupervisor();

  // Makes ready what the policy wants before the first request and adds it to the scheduler, which outlives everything
  // up to close(). Blocks. Errors: those of the devices, each under its name.
  Status open(scheduling::Scheduler& scheduler);
  // Begins with the rest of the plan, in the background. After open().
  void run();
  // Ends the background work: waits for what touches the scheduler, but not for a compilation, whose result is dropped.
  void close() noexcept;

  // Of the device that was ready first; all others agree with it. After open().
  [[nodiscard]] const ModelSignature& signature() const noexcept { return *signature_; }
  [[nodiscard]] const std::map<std::string, std::string>& model_info() const noexcept { return model_info_; }
  [[nodiscard]] const std::shared_ptr<DeviceBoard>& board() const noexcept { return board_; }

  void on_device_out(std::size_t position, const Status& why) noexcept override;
  void on_device_limited(std::size_t position, std::uint32_t items, const Status& why) noexcept override;
  void on_device_unbatched(std::size_t position) noexcept override;

 private:
  struct Member {
    PlannedDevice device;
    DeviceState state = DeviceState::kStandby;
    bool working = false;    // a task has it
    bool scheduled = false;  // the scheduler has it
    bool lost = false;       // served, and failed since
    std::uint32_t failures = 0;
    TimePoint retry_at = kNever;
    TimePoint serving_since{};
    std::optional<Status> went_out{};  // lost while a task has it
    bool measured = false;
    std::optional<double> score{};  // more is better; empty when it could not be measured
  };
  using Lock = std::unique_lock<std::mutex>;

  DeviceSupervisor(std::string label, std::vector<PlannedDevice> devices, DevicePolicy policy, ServingContext& context);
  void on_timer(TimePoint now) noexcept override;

  Status open_all();
  Status open_one();
  Status bring_up(std::size_t position);
  Result<scheduling::ExecutorSpec> compile(std::size_t position);
  Status admit(std::size_t position, scheduling::ExecutorSpec spec, Duration compile_time);
  void measure(std::size_t position, scheduling::ExecutorSpec& spec);
  void work(std::size_t position) noexcept;
  bool take_out(std::size_t position);
  void retire_others();
  void sync_expectation() noexcept;

  // With the lock held.
  void plan_work();
  void begin(std::size_t position);
  [[nodiscard]] bool better(std::size_t a, std::size_t b) const;
  [[nodiscard]] std::optional<std::size_t> best_serving() const;
  [[nodiscard]] bool wanted(std::size_t position) const;
  [[nodiscard]] bool may_stand_in(const Member& member) const;
  Status finish(std::size_t position, Status status);
  void note_failure(std::size_t position, const Status& why);
  void set_state(std::size_t position, DeviceState state, std::string reason);
  void schedule_retry(Member& member);

  const std::string label_;
  const DevicePolicy policy_;
  ServingContext& context_;
  const Log log_;
  const std::shared_ptr<DeviceBoard> board_;
  scheduling::Scheduler* scheduler_ = nullptr;
  std::optional<ModelSignature> signature_;
  std::map<std::string, std::string> model_info_;
  std::stop_source stop_;

  std::mutex mutex_;
  std::condition_variable left_;  // a task has left the scheduler
  std::vector<Member> members_;
  std::size_t inside_ = 0;  // tasks that use the scheduler
  bool closing_ = false;
  std::mutex expectation_mutex_;  // taken before mutex_, so that the scheduler is told in order
};

}  // namespace ocelli::serving
