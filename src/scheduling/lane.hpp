// Lane: one place on a device where one run at a time happens. It holds an infer request per compiled batch size and
// knows how to bind a batch of items to it and to take the results out.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "runtime/compiled_model.hpp"
#include "scheduling/output_plan.hpp"
#include "scheduling/work_list.hpp"
#include "tensor/buffer_pool.hpp"

namespace ocelli::scheduling {

class Executor;

// Told when a started run of a lane has ended, on a thread of the runtime.
class LaneObserver {
 public:
  virtual void on_lane_done(Lane& lane, const Status& status) noexcept = 0;

 protected:
  ~LaneObserver() = default;
};

// One compiled form of the model on the lane's device.
struct CompiledVariant {
  std::uint32_t items = 0;  // extent of its batch dimension; 0: any
  std::shared_ptr<CompiledModel> model;
  std::vector<OutputPlan> outputs;
};

// Guarded by its scheduler: between start() and on_lane_done only cancel() may be called.
class Lane final : private InferCompletion {
 public:
  // Makes a request of each variant; variants outlive the lane. Errors: those of CompiledModel::create_request.
  static Result<std::unique_ptr<Lane>> create(Executor& executor, const std::vector<CompiledVariant>& variants,
                                              LaneObserver& observer);

  [[nodiscard]] Executor& executor() const noexcept { return executor_; }
  // The request of the first compiled form, for use while the lane is not serving yet.
  [[nodiscard]] InferRequest& first_request() noexcept { return *variants_.front().request; }
  // What runs here now, in order.
  [[nodiscard]] WorkList& batch() noexcept { return batch_; }
  // Sum of the batch's items.
  [[nodiscard]] std::uint32_t items() const noexcept;

  // Picks the compiled form for the batch. Under the scheduler's lock, because cancel() reads the choice.
  void choose_variant() noexcept;
  // Sets input_bytes.
  void count_bytes() noexcept;
  // Binds the batch's tensors. On failure nothing runs and the batch is to be failed with the status.
  Status prepare(BufferPool& pool) noexcept;
  // Begins the run. True: the runtime ended it before start() returned, on this thread; status is its outcome and the
  // observer is not told. False: the observer is told by whoever ends it, perhaps already, and the lane must not be
  // touched any more (it is not destroyed before start() returns: see idle()).
  bool start(Status& status) noexcept;
  // True when no thread is inside start(). The lane is not destroyed before.
  [[nodiscard]] bool idle() const noexcept { return starting_.load(std::memory_order_acquire) == 0; }
  Status run() noexcept { return active_->request->run(); }
  void cancel() noexcept { active_->request->cancel(); }
  // After a successful run: fills every item's results with what the runtime gave. kInternal when that cannot be
  // divided among the items of a batch; then no item got anything.
  Status collect(BufferPool& pool) noexcept;
  // After collect or a failure: lets go of the buffers of this run.
  void release() noexcept;

  // --- kept by the scheduler, under its lock
  Lane* next_free = nullptr;
  std::uint32_t pins = 0;             // cancel() calls that are on their way
  std::uint32_t callbacks = 0;        // completions of this lane that have not returned yet
  bool parked = false;                // ended while pinned
  std::atomic<bool> stopping{false};  // cancel() was sent to this run; read without the lock too
  std::uint8_t stops = 0;             // how often
  TimePoint stop_again{};             // when it is sent once more
  bool ahead = false;                 // waits inside the runtime for the end of another lane's run
  std::size_t input_bytes = 0;        // of the batch's inputs together
  TimePoint taken{};                  // when its batch was chosen
  std::atomic<TimePoint> begun{};     // when it stopped to be ahead; zero when it never was. Read without the lock too
  TimePoint prepared{};               // when the run began, its tensors bound
  bool ran = false;                   // the runtime was asked to run the batch, so a failure is the device's

 private:
  struct Variant {
    const CompiledVariant* compiled = nullptr;
    std::unique_ptr<InferRequest> request;
    std::vector<std::uint8_t> bound;  // per output: it is bound to a buffer of ours
  };

  Lane(Executor& executor, LaneObserver& observer) : executor_(executor), observer_(observer) {}
  void on_infer_done(const Status& status) noexcept override;

  Result<TensorView> gather(std::size_t index, std::uint32_t items, BufferPool& pool);
  Status bind_output(std::size_t index, std::uint32_t items, BufferPool& pool);
  [[nodiscard]] bool is_wanted(std::size_t index) const noexcept;
  [[nodiscard]] std::string_view output_name(std::size_t index) const noexcept;
  Status check_rows(std::size_t index, std::uint32_t items);
  void hand_out_from(std::size_t index, std::uint32_t items, BufferPool& pool);
  void hand_out(std::size_t index, const TensorView& whole, const BufferRef& owner, std::uint32_t items);

  Executor& executor_;
  LaneObserver& observer_;
  std::vector<Variant> variants_;
  Variant* active_ = nullptr;
  std::atomic<std::uint32_t> starting_{0};
  // The thread that is inside start() of the latest run, and where it waits for the outcome. Only that thread looks at
  // early_, so a completion can tell whether it happens below start() without a lock.
  std::atomic<std::thread::id> starter_{};
  std::optional<Status>* early_ = nullptr;
  WorkList batch_;
  std::vector<BufferRef> gathered_;        // inputs of a batch, copied together
  std::vector<BufferRef> output_buffers_;  // null where an item's own destination is bound, or nothing is
  std::vector<TensorView> results_;        // what the run gave, of the wanted outputs
};

}  // namespace ocelli::scheduling
