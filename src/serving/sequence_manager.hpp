// SequenceManager: the sequences of a stateful model: who may run, with which variables, and when a sequence ends.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/log.hpp"
#include "base/status.hpp"
#include "scheduling/timer.hpp"
#include "serving/inference_call.hpp"

namespace ocelli::serving {

// Stateful models (spec 2.10).
struct StatefulOptions {
  bool enabled = false;
  // Sequences at once; one more is refused. 0: no limit.
  std::uint32_t max_sequences = 500;
  // Drops sequences that nobody used between two scans; the period of the scans. Zero: never.
  Duration idle_scan = std::chrono::minutes(5);
};

// Thread-safe. Calls of one sequence run one after the other in the order of arrival; between them the model's
// variables are kept outside the device, so that few infer requests serve many sequences.
class SequenceManager final : private scheduling::TimerClient {
 public:
  // Calls that may wait for their own sequence's turn.
  static constexpr std::size_t kMaxWaiting = 256;

  // Told, on the timer's thread, of a call that waited for its turn until its deadline; its status says so, and the
  // caller is to end it.
  using Expired = std::function<void(InferenceCall& call)>;

  // timer must outlive the manager.
  SequenceManager(const StatefulOptions& options, scheduling::Timer& timer, Log log, Expired expired);
  ~SequenceManager();

  // Takes the inputs sequence_id (UINT64) and sequence_control_input (UINT32), of one element each, out of the call,
  // and fills call.sequence with them. Errors: kInvalidArgument.
  static Status extract(InferenceCall& call);

  // What admit() decided.
  enum class Turn : std::uint8_t { kRun, kWait };
  // Admits the call to its sequence. kRun: it is to be scheduled now, its work.hooks are set. kWait: it is kept until
  // complete() of the call before it returns it. Errors: kNotFound (no such sequence), kAlreadyExists,
  // kFailedPrecondition (ends), kUnavailable (too many sequences), kResourceExhausted (too many calls wait),
  // kInvalidArgument (no id).
  Result<Turn> admit(InferenceCall& call);

  // What the end of a call means for those behind it.
  struct Follower {
    // To be scheduled next; null: none.
    InferenceCall* run = nullptr;
    // To be ended with the status they have; linked by servable_next. The sequence never came to be: its first call
    // failed.
    InferenceCall* failed = nullptr;
  };
  // The call of an admitted sequence has ended, with call.status. A call that fails later than the first leaves the
  // sequence as it was before it: it may be sent again, the last one too.
  Follower complete(InferenceCall& call) noexcept;

  // True when the call was waiting for its turn; it is forgotten, and the caller is to end it.
  bool cancel(InferenceCall& call) noexcept;

  // Sequences that exist now.
  [[nodiscard]] std::size_t size() const;

 private:
  struct Sequence;

  void on_timer(TimePoint now) noexcept override;
  Result<Sequence*> start(std::uint64_t& id);
  Result<Sequence*> find(std::uint64_t id);
  // The rest with the lock held.
  static void take_out(Sequence& sequence, InferenceCall& before, InferenceCall& call) noexcept;
  // Links those whose deadline has come by servable_next; next becomes the earliest deadline of the others.
  InferenceCall* take_expired(TimePoint now, TimePoint& next) noexcept;
  void drop_idle() noexcept;
  void wake_at(TimePoint when) noexcept;

  const StatefulOptions options_;
  scheduling::Timer& timer_;
  const Log log_;
  const Expired expired_;
  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Sequence>> sequences_;
  std::uint64_t next_id_ = 1;
  TimePoint next_scan_ = kNever;  // for idle sequences
  TimePoint woken_{};             // by the timer, the last time
};

}  // namespace ocelli::serving
