// DeviceSupervisor: carries a model's device plan out while the model serves: who is made ready when, who takes over,
// who is tried again, who gives its memory to others.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "observability/servable_metrics.hpp"
#include "runtime/model_signature.hpp"
#include "scheduling/device_watch.hpp"
#include "scheduling/scheduler.hpp"
#include "scheduling/timer.hpp"
#include "serving/device_board.hpp"
#include "serving/device_memory.hpp"
#include "serving/planned_device.hpp"
#include "serving/serving_context.hpp"

namespace ocelli::serving {

// Thread-safe. Its background work runs on the context's threads for compilations and rescues and holds it alive; none
// of it touches the scheduler once close() has returned.
class DeviceSupervisor final : public scheduling::DeviceWatch,
                               public MemoryTenant,
                               private scheduling::TimerClient,
                               public std::enable_shared_from_this<DeviceSupervisor> {
 public:
  // label names the model and its version in the log. devices has at least one element. metrics counts what leaves its
  // device and returns.
  static std::shared_ptr<DeviceSupervisor> create(std::string label, std::vector<PlannedDevice> devices,
                                                  DevicePolicy policy, ServingContext& context,
                                                  std::shared_ptr<observability::ServableMetrics> metrics);
  ~DeviceSupervisor();

  // While this says true no member gives its memory up. Called on any thread up to close(); before open().
  void keep_while(std::function<bool()> needed) { needed_ = std::move(needed); }
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
  void on_device_relaxed(std::size_t position, std::uint32_t items) noexcept override;
  void on_device_unbatched(std::size_t position, std::function<void()> note) noexcept override;
  bool may_free_memory(std::size_t position) noexcept override;
  void on_device_full(std::size_t position) noexcept override;
  void on_work_waits() noexcept override;

  Occupation occupation(std::size_t position) noexcept override;
  bool give_up(std::size_t position, TimePoint since, const std::string& why) noexcept override;
  bool begin_to_leave(std::size_t position, const std::string& why) noexcept override;

 private:
  struct Member {
    PlannedDevice device;
    DeviceState state = DeviceState::kStandby;
    bool working = false;     // a task has it
    bool scheduled = false;   // the scheduler has it
    bool lost = false;        // served, and failed since
    bool measured = false;    // its speed is known, or cannot be
    bool leaving = false;     // gives its memory up; requests may wait for it already
    bool returning = false;   // was idle, and requests wait for it
    bool claimed = false;     // the last attempt had its memory; what failed was the device
    bool outgrown = false;    // it took more than was claimed, and there was no room
    bool unmeasured = false;  // serves, but what batching does was left open
    bool unbatched = false;   // a run has shown that batches come back with other rows
    std::uint32_t failures = 0;
    TimePoint retry_at = kNever;
    TimePoint serving_since{};
    TimePoint short_since = kNever;                       // since when it waits for memory
    std::optional<Status> went_out{};                     // lost while a task has it
    std::optional<double> score{};                        // more is better; empty when it could not be measured
    std::uint64_t bytes = 0;                              // what the model takes; an estimate before the first time
    std::uint64_t first_form_bytes = 0;                   // of these, without what it makes for batches
    std::weak_ptr<MemoryClaim> claim;                     // of the model that serves
    std::optional<scheduling::BatchFindings> batching{};  // of the last time
    std::string own_note;                                 // what its runtime says, without what batching does
  };
  using Lock = std::unique_lock<std::mutex>;
  // What runs on a device that is to go may take so long before it is asked to stop.
  static constexpr Duration kLeaveTime = std::chrono::seconds(30);

  // A model that is compiled, and the memory that was claimed for it; the model keeps the claim too.
  struct Obtained {
    std::shared_ptr<MemoryClaim> claim;  // before the model, so that it goes after it
    scheduling::ExecutorSpec spec;
    Duration compile_time{};
  };

  DeviceSupervisor(std::string label, std::vector<PlannedDevice> devices, DevicePolicy policy, ServingContext& context,
                   std::shared_ptr<observability::ServableMetrics> metrics);
  void on_timer(TimePoint now) noexcept override;

  Status open_all();
  Status open_one();
  Status bring_up(std::size_t position);
  Result<scheduling::ExecutorSpec> compile(std::size_t position, bool full_ends);
  Result<std::shared_ptr<MemoryClaim>> claim_memory(std::size_t position, bool urgent);
  Result<Obtained> obtain(std::size_t position, std::shared_ptr<MemoryClaim> claim, bool urgent);
  Result<Obtained> obtain_at_load(std::size_t position);
  Result<Obtained> obtain_in_background(std::size_t position);
  Status admit(std::size_t position, Obtained made);
  void recall_speeds();
  void take_speed(Member& member, const scheduling::DeviceSpeed& speed, std::string_view how);
  void measure(std::size_t position, scheduling::ExecutorSpec& spec);
  void work(std::size_t position) noexcept;
  bool take_out(std::size_t position);
  bool still_needed(std::size_t position);
  void relieve(std::size_t position) noexcept;
  bool prepare_to_leave(std::size_t position) noexcept;
  void end_leave(std::size_t position, bool gone, const std::string& why) noexcept;
  void warn_of_endless_run(std::size_t position) const;
  bool enter();
  void leave();
  void go_on() noexcept;
  void retire_others();
  void settle(std::size_t position) noexcept;
  void sync_expectation() noexcept;

  // With the lock held.
  void plan_work();
  void begin(std::size_t position);
  [[nodiscard]] bool better(std::size_t a, std::size_t b) const;
  [[nodiscard]] std::vector<std::size_t> best_first() const;
  Status check_room() const;
  [[nodiscard]] std::optional<std::size_t> best_serving() const;
  [[nodiscard]] std::optional<std::size_t> fastest_known() const;
  [[nodiscard]] std::string why_standby(std::size_t position, std::size_t best) const;
  void explain_standby();
  [[nodiscard]] bool wanted(std::size_t position) const;
  [[nodiscard]] bool may_stand_in(const Member& member) const;
  [[nodiscard]] bool is_interim(std::size_t position) const;
  void plan_settling();
  [[nodiscard]] bool may_give_up(const Member& member) const;
  bool wait_for_memory(std::size_t position, const Status& status);
  void keep_place(std::size_t position, const Status& status);
  void fall_asleep(std::size_t position, const std::string& why);
  Status finish(std::size_t position, Status status);
  void note_failure(std::size_t position, const Status& why);
  void set_state(std::size_t position, DeviceState state, std::string reason);
  void schedule_retry(Member& member);
  static void take_usage(Member& member, const scheduling::DeviceUsage& usage);
  static std::optional<scheduling::BatchFindings> decided(const Member& member);

  const std::string label_;
  const DevicePolicy policy_;
  ServingContext& context_;
  const std::shared_ptr<observability::ServableMetrics> metrics_;
  const Log log_;
  const std::shared_ptr<DeviceBoard> board_;
  std::function<bool()> needed_;
  scheduling::Scheduler* scheduler_ = nullptr;
  std::optional<ModelSignature> signature_;
  std::map<std::string, std::string> model_info_;
  std::stop_source stop_;

  std::mutex mutex_;
  std::condition_variable left_;  // a task has left the scheduler
  std::vector<Member> members_;
  std::size_t inside_ = 0;  // tasks that use the scheduler
  bool closing_ = false;
  bool planned_ = false;          // open() has ended, and members come and go by the plan
  bool woken_ = false;            // requests wait for a member that is idle
  Status last_failure_;           // of a member, for requests that find none
  std::mutex expectation_mutex_;  // taken before mutex_, so that the scheduler is told in order
};

}  // namespace ocelli::serving
