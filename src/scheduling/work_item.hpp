// WorkItem: one request as the scheduler sees it: tensors in, tensors out, by position in the model's signature.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/status.hpp"
#include "runtime/infer_request.hpp"
#include "tensor/tensor_view.hpp"

namespace ocelli::scheduling {

class WorkItem;
class Lane;

// Told once per submitted item, on any thread, perhaps before Scheduler::submit returns. The item may be reused or
// destroyed from within.
class WorkCompletion {
 public:
  virtual void on_work_done(WorkItem& item) noexcept = 0;

 protected:
  ~WorkCompletion() = default;
};

// Runs right before and after the model, on the thread that starts or ends the run: how stateful models load and keep
// their variables. Such items always run alone. A failure of either fails the item.
class RunHooks {
 public:
  virtual Status before_run(InferRequest& request) noexcept = 0;
  virtual Status after_run(InferRequest& request) noexcept = 0;

 protected:
  ~RunHooks() = default;
};

// When a call passed which stage; unset stages are TimePoint{}.
struct WorkTimes {
  TimePoint received{};  // the request was complete in memory
  TimePoint queued{};    // handed to the scheduler
  TimePoint started{};   // a device began with it
  TimePoint finished{};  // the device was done
};

// One output of the model for one item.
struct WorkOutput {
  // As the submitter's clients call it, for messages; empty: as the model does. The submitter keeps it alive.
  std::string_view name;
  bool wanted = true;
  // data non-null: write the result there; bytes is the room. The submitter keeps it alive.
  TensorView destination;
  // The result: in destination (owner null), or in a pooled buffer that several items of one batch may share.
  Tensor result;
};

// Filled by the submitter. Vectors keep their capacity between uses.
struct Work {
  std::vector<TensorView> inputs;   // in signature order, types and shapes as the model takes them
  std::vector<WorkOutput> outputs;  // in signature order
  // Extent of the batch dimension. An item of which an input has another first dimension, or none, runs alone.
  std::uint32_t items = 1;
  WorkCompletion* completion = nullptr;
  RunHooks* hooks = nullptr;
};

// Owned by the submitter and alive until its completion is told. Not thread-safe, except the cancelled flag.
class WorkItem {
 public:
  WorkItem() = default;
  WorkItem(const WorkItem&) = delete;
  WorkItem& operator=(const WorkItem&) = delete;

  // --- filled by the submitter
  TimePoint deadline = kNever;
  std::int32_t priority = 0;  // higher first
  Work work;

  // --- filled by the scheduler before the completion is told
  Status status;
  WorkTimes times;
  std::uint32_t batch_size = 1;  // how many submitted items ran together

  // Set by Scheduler::cancel.
  std::atomic<bool> cancelled{false};

 private:
  friend class WorkList;
  friend class Lane;
  friend class Scheduler;

  enum class State : std::uint8_t { kIdle, kQueued, kRunning };
  WorkItem* next_ = nullptr;
  WorkItem* previous_ = nullptr;
  Lane* lane_ = nullptr;
  State state_ = State::kIdle;
  std::uint8_t attempts_ = 0;
  std::uint8_t reliefs_ = 0;
  // Every input has `items` rows, at least one: it may be put together with others.
  bool by_rows_ = false;
  // Positions of devices whose memory was too small for it, one bit each.
  std::uint32_t avoid_ = 0;
};

}  // namespace ocelli::scheduling
