// InferenceCall: one request for a prediction, from a protocol to a servable and back.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/status.hpp"
#include "scheduling/work_item.hpp"
#include "tensor/byte_charge.hpp"
#include "tensor/tensor_view.hpp"

namespace ocelli::serving {

class Servable;
// Keeps one version of a model, or a pipeline, loaded and answering for as long as it is held.
using ServableHandle = std::shared_ptr<Servable>;

class InferenceCall;

// Told once when a call has ended, on any thread (perhaps the one that submitted it, perhaps before Servable::infer
// returns). The call may be reused or destroyed from within.
class CallCompletion {
 public:
  virtual void on_call_done(InferenceCall& call) noexcept = 0;
  // Asked right before, about a call that found no room: whether the same is going to be asked once more, so that
  // nothing has failed yet.
  virtual bool tries_again(const InferenceCall&) noexcept { return false; }

 protected:
  ~CallCompletion() = default;
};

// One input as the client sent it. tensor.view.type is the client's own word for the type: kString with a numeric model
// input means encoded pictures, or text for a two-dimensional UINT8 input (the servable converts).
// fault: what is wrong with the values, found while they were read; the tensor then has no bytes. The servable tells it
// in the place of the content's check, so that a wrong name, type or shape is told first. With the type kUndefined it
// says why the input is no tensor at all, and is told in the place of the precision's check.
struct CallInput {
  std::string_view name;
  Tensor tensor;
  Status fault = {};
};

// An output that the client asked for. destination.data non-null: write there (shared memory); destination.bytes is the
// room there.
struct RequestedOutput {
  std::string_view name;
  TensorView destination;
  BufferRef destination_owner;
};

// One output of the reply; name points into the servable's metadata. When the client gave a destination the bytes are
// there.
struct CallOutput {
  std::string_view name;
  Tensor tensor;
  bool in_destination = false;
};

// Stateful models.
struct SequenceControl {
  std::uint64_t id = 0;       // 0: none given
  std::uint32_t control = 0;  // 0 none, 1 start, 2 end, 3 both: a sequence of one request
};

using CallTimes = scheduling::WorkTimes;

// Owned and kept alive by the protocol that filled it, until on_call_done. Reusable: clear() keeps the vectors'
// usual capacity, so that the steady state allocates nothing. Not thread-safe, except the cancelled flag. The base
// class holds what the scheduler needs too: deadline and priority (filled by the protocol), status, times and
// batch_size (filled before on_call_done), cancelled.
class InferenceCall : public scheduling::WorkItem {
 public:
  // Ready for the next request.
  void clear() noexcept;

  // --- filled by the protocol
  ServableHandle servable;
  std::vector<CallInput> inputs;
  std::vector<RequestedOutput> requested;  // empty: all outputs
  std::optional<SequenceControl> sequence;
  CallCompletion* completion = nullptr;
  // Bound to what all requests of the server share; the servable adds what it makes of the inputs.
  ByteCharge charge;

  // --- filled by the servable before on_call_done
  std::vector<CallOutput> outputs;           // in name order
  std::optional<std::uint64_t> sequence_id;  // stateful models answer it as an extra output

  // --- kept by the servable while the call is in its hands
  std::vector<BufferRef> converted;  // inputs that were decoded or repacked
  void* servable_state = nullptr;
  InferenceCall* servable_next = nullptr;
};

// What runtimes make of the inputs' texts, beyond their bytes: an object for each of them.
std::size_t text_object_bytes(const InferenceCall& call) noexcept;

// Of a call that went well: kFailedPrecondition when memory of the client's that it read or wrote was taken away
// meanwhile, so that the answer is none.
Status check_memory(const InferenceCall& call);

}  // namespace ocelli::serving
