// InferRequest: one slot in which a compiled model can run once at a time.
#pragma once

#include <cstddef>
#include <vector>

#include "base/status.hpp"
#include "tensor/tensor_view.hpp"

namespace ocelli {

// Told when a started request has ended, exactly once per start(), on a thread of the runtime. Must not throw; may
// start the same request again from within.
class InferCompletion {
 public:
  virtual void on_infer_done(const Status& status) noexcept = 0;

 protected:
  ~InferCompletion() = default;
};

// Not thread-safe, except cancel(). Between start() and its completion nothing but cancel() may be called. Contracts
// for implementers:
//  1. An input's bytes are read in place; the caller keeps them alive and unchanged until the run has ended.
//  2. A bound output is written in place. An output that is not bound lives in the runtime's memory until the next run
//  of this request. Where a run gives another shape than the bound one, that is what output() tells: the place may have
//  been written in part, or not at all, and is not to be believed.
//  3. Bindings stay until replaced. No call on the steady path allocates in our own code for non-string tensors.
//  4. A request may be destroyed, on another thread, as soon as on_infer_done has been entered for its last run and
//  start() has returned;
//     destruction waits until the runtime has left the completion.
//  5. No exception leaves; every fault of the runtime becomes a Status (kInternal, or kInvalidArgument for shapes that
//  it refuses,
//     kUnavailable when the device is lost, kResourceExhausted when its memory is out, kCancelled after cancel()).
class InferRequest {
 public:
  virtual ~InferRequest() = default;

  // index is the position in ModelSignature::inputs. The shape must be concrete; type must be the signature's.
  virtual Status set_input(std::size_t index, const TensorView& view) = 0;
  // Where output index is to be written; shape and type must be what the run will give. Only for outputs whose shape is
  // known before: a run that gives another one may fail.
  virtual Status set_output(std::size_t index, const TensorView& view) = 0;
  // Back to the runtime's own memory for that output.
  virtual void clear_output(std::size_t index) noexcept = 0;

  // Runs asynchronously.
  virtual void start(InferCompletion& completion) noexcept = 0;
  // Runs on the calling thread and returns when done.
  virtual Status run() noexcept = 0;
  // Asks a started run to stop early; it still completes once, with kCancelled or, when it was too late, with its
  // result. Thread-safe.
  virtual void cancel() noexcept = 0;

  // The result of the last successful run: the shape and the bytes that the runtime gave, whatever was bound.
  virtual Result<TensorView> output(std::size_t index) = 0;

  // Stateful models: the variables between runs. The default is a model without state.
  virtual Status reset_state() { return {}; }
  // Copies of all variables, and the way back; used to serve several sequences with fewer requests.
  virtual Result<std::vector<Tensor>> save_state() { return std::vector<Tensor>{}; }
  virtual Status restore_state(const std::vector<Tensor>&) { return {}; }
};

}  // namespace ocelli
