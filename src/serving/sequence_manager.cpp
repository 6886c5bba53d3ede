#include "serving/sequence_manager.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

namespace ocelli::serving {
namespace {

constexpr std::string_view kIdInput = "sequence_id";
constexpr std::string_view kControlInput = "sequence_control_input";
constexpr std::uint32_t kStart = 1;
constexpr std::uint32_t kEnd = 2;
// Looks for passed deadlines are not closer together than this.
constexpr std::chrono::milliseconds kLookSpacing{2};

// The one element of a tensor of that type, which Unsigned is.
template <typename Unsigned>
std::optional<Unsigned> one_integer(const TensorView& view, DataType type) noexcept {
  if (view.type != type || view.shape.element_count() != std::size_t{1} || view.bytes != sizeof(Unsigned))
    return std::nullopt;
  Unsigned value = 0;
  std::memcpy(&value, view.data, sizeof value);
  return value;
}

Status no_such_sequence(std::uint64_t id) {
  return not_found(fmt::format("Sequence with provided ID does not exist - id: {}", id));
}

std::string given(const TensorView& view) {
  return fmt::format("Actual: {} {}", precision_name(view.type), view.shape.to_string());
}

}  // namespace

// The variables of one sequence. Its hooks run for one call at a time, which is the one at the front of its line.
struct SequenceManager::Sequence final : scheduling::RunHooks {
  Status before_run(InferRequest& request) noexcept override {
    return fresh ? request.reset_state() : request.restore_state(state);
  }
  Status after_run(InferRequest& request) noexcept override {
    if (ending) return request.reset_state();
    auto saved = request.save_state();
    if (!saved.ok()) return std::move(saved).status();
    pending = std::move(saved).value();
    return {};
  }
  // A call that fails after its run, such as for the place of its outputs, has not happened.
  void settle(bool ok) noexcept {
    if (ok && pending) {
      state = std::move(*pending);
      fresh = false;
    }
    pending.reset();
  }

  std::vector<Tensor> state;
  std::optional<std::vector<Tensor>> pending;  // of the call that has run
  bool fresh = true;                           // nothing has run yet
  bool ending = false;                         // the running call is its last

  // --- guarded by the manager
  std::uint64_t id = 0;
  InferenceCall* first = nullptr;  // runs
  InferenceCall* last = nullptr;
  std::size_t waiting = 0;  // calls behind the first
  bool terminated = false;  // its last call has arrived
  bool used = true;         // since the scan before
};

SequenceManager::SequenceManager(const StatefulOptions& options, scheduling::Timer& timer, Log log, Expired expired)
    : options_(options), timer_(timer), log_(std::move(log)), expired_(std::move(expired)) {
  timer_.add(*this);
  if (options_.idle_scan <= Duration::zero()) return;
  next_scan_ = Clock::now() + options_.idle_scan;
  timer_.arm(*this, next_scan_);
}

SequenceManager::~SequenceManager() { timer_.remove(*this); }

Status SequenceManager::extract(InferenceCall& call) {
  SequenceControl sequence = call.sequence.value_or(SequenceControl{});
  for (auto input = call.inputs.begin(); input != call.inputs.end();) {
    const auto& view = input->tensor.view;
    if (input->name == kIdInput) {
      const auto id = one_integer<std::uint64_t>(view, DataType::kUint64);
      if (!id) {
        return invalid_argument(fmt::format(
            "Could not find sequence id in expected tensor proto field uint64_val - Expected: UINT64 (1); {}",
            given(view)));
      }
      sequence.id = *id;
    } else if (input->name == kControlInput) {
      const auto control = one_integer<std::uint32_t>(view, DataType::kUint32);
      if (!control) {
        return invalid_argument(
            fmt::format("Could not find sequence control input in expected tensor proto field uint32_val - Expected: "
                        "UINT32 (1); {}",
                        given(view)));
      }
      if (*control > kEnd) {
        return invalid_argument(
            fmt::format("Unexpected value of sequence control input - Expected: 0, 1 or 2; Actual: {}", *control));
      }
      sequence.control = *control;
    } else {
      ++input;
      continue;
    }
    input = call.inputs.erase(input);
  }
  call.sequence = sequence;
  return {};
}

Result<SequenceManager::Sequence*> SequenceManager::start(std::uint64_t& id) {
  if (id != 0 && sequences_.contains(id)) {
    return Status(StatusCode::kAlreadyExists, fmt::format("Sequence with provided ID already exists - id: {}", id));
  }
  if (options_.max_sequences != 0 && sequences_.size() >= options_.max_sequences) {
    return Status(StatusCode::kUnavailable,
                  fmt::format("Max sequence number has been reached. Could not create new sequence. - limit: {}",
                              options_.max_sequences));
  }
  if (id == 0) {
    while (sequences_.contains(next_id_)) ++next_id_;
    id = next_id_++;
  }
  auto sequence = std::make_unique<Sequence>();
  sequence->id = id;
  return sequences_.emplace(id, std::move(sequence)).first->second.get();
}

Result<SequenceManager::Sequence*> SequenceManager::find(std::uint64_t id) {
  if (id == 0) return invalid_argument("Sequence ID has not been provided in request inputs");
  const auto found = sequences_.find(id);
  if (found == sequences_.end()) return no_such_sequence(id);
  if (found->second->terminated) {
    return failed_precondition(
        fmt::format("Sequence last request is being processed and it's not available anymore - id: {}", id));
  }
  if (found->second->waiting >= kMaxWaiting) {
    return Status(StatusCode::kResourceExhausted,
                  fmt::format("Too many requests are waiting for sequence {} - limit: {}", id, kMaxWaiting));
  }
  return found->second.get();
}

Result<SequenceManager::Turn> SequenceManager::admit(InferenceCall& call) {
  auto control = call.sequence.value_or(SequenceControl{});
  const std::lock_guard lock(mutex_);
  auto found = (control.control & kStart) != 0 ? start(control.id) : find(control.id);
  if (!found.ok()) return std::move(found).status();
  auto& sequence = **found;
  sequence.used = true;
  sequence.terminated = (control.control & kEnd) != 0;
  call.sequence = control;
  call.sequence_id = control.id;
  call.servable_state = &sequence;
  call.servable_next = nullptr;
  call.work.hooks = &sequence;
  if (sequence.first) {
    sequence.last->servable_next = &call;
    sequence.last = &call;
    ++sequence.waiting;
    wake_at(call.deadline);
    return Turn::kWait;
  }
  sequence.first = sequence.last = &call;
  sequence.ending = sequence.terminated;
  return Turn::kRun;
}

SequenceManager::Follower SequenceManager::complete(InferenceCall& call) noexcept {
  const std::lock_guard lock(mutex_);
  auto& sequence = *static_cast<Sequence*>(call.servable_state);
  call.servable_state = nullptr;
  if (!call.status.ok()) call.sequence_id.reset();
  sequence.used = true;
  sequence.settle(call.status.ok());
  sequence.first = call.servable_next;
  const bool never_began = sequence.fresh && !call.status.ok();
  // Its end did not happen, so the sequence goes on.
  if (sequence.ending && !call.status.ok()) sequence.terminated = sequence.ending = false;
  if (auto* next = sequence.first; next && !never_began) {
    --sequence.waiting;
    sequence.ending = (next->sequence->control & kEnd) != 0;
    return {next, nullptr};
  }
  for (auto* waiting = sequence.first; waiting; waiting = waiting->servable_next) {
    waiting->status = no_such_sequence(sequence.id);
    waiting->servable_state = nullptr;
    waiting->sequence_id.reset();
  }
  const Follower follower{nullptr, sequence.first};
  sequence.first = sequence.last = nullptr;
  // A sequence that ended is gone, and so is one that never got a first result.
  if (sequence.terminated || sequence.fresh) sequences_.erase(sequence.id);
  return follower;
}

bool SequenceManager::cancel(InferenceCall& call) noexcept {
  const std::lock_guard lock(mutex_);
  auto* sequence = static_cast<Sequence*>(call.servable_state);
  if (!sequence || sequence->first == &call) return false;
  auto* before = sequence->first;
  while (before && before->servable_next != &call) before = before->servable_next;
  if (!before) return false;
  take_out(*sequence, *before, call);
  return true;
}

void SequenceManager::take_out(Sequence& sequence, InferenceCall& before, InferenceCall& call) noexcept {
  before.servable_next = call.servable_next;
  if (sequence.last == &call) sequence.last = &before;
  --sequence.waiting;
  // Its end did not happen, so the sequence goes on.
  if ((call.sequence->control & kEnd) != 0) sequence.terminated = false;
  call.servable_state = nullptr;
  call.servable_next = nullptr;
  call.sequence_id.reset();
}

std::size_t SequenceManager::size() const {
  const std::lock_guard lock(mutex_);
  return sequences_.size();
}

void SequenceManager::wake_at(TimePoint when) noexcept {
  if (when != kNever) timer_.arm(*this, std::max(when, woken_ + kLookSpacing));
}

void SequenceManager::on_timer(TimePoint now) noexcept {
  InferenceCall* expired = nullptr;
  {
    const std::lock_guard lock(mutex_);
    woken_ = now;
    TimePoint next = kNever;
    expired = take_expired(now, next);
    if (now >= next_scan_) {
      drop_idle();
      next_scan_ = now + options_.idle_scan;
    }
    wake_at(next);
    if (next_scan_ != kNever) timer_.arm(*this, next_scan_);
  }
  while (expired) {
    auto& call = *expired;
    expired = std::exchange(call.servable_next, nullptr);
    call.status = Status(StatusCode::kDeadlineExceeded, "Deadline exceeded");
    expired_(call);  // which may be gone then
  }
}

InferenceCall* SequenceManager::take_expired(TimePoint now, TimePoint& next) noexcept {
  InferenceCall* expired = nullptr;
  for (auto& [id, sequence] : sequences_) {
    if (sequence->waiting == 0) continue;
    for (auto* before = sequence->first; before->servable_next;) {
      auto& call = *before->servable_next;
      if (call.deadline > now) {
        next = std::min(next, call.deadline);
        before = &call;
        continue;
      }
      take_out(*sequence, *before, call);
      call.servable_next = std::exchange(expired, &call);
    }
  }
  return expired;
}

void SequenceManager::drop_idle() noexcept {
  const auto dropped =
      std::erase_if(sequences_, [](const auto& entry) { return !entry.second->first && !entry.second->used; });
  for (auto& [id, sequence] : sequences_) sequence->used = false;
  if (dropped > 0) log_.info("{} idle sequences were dropped", dropped);
}

}  // namespace ocelli::serving
