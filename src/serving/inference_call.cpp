#include "serving/inference_call.hpp"

#include "base/recycle.hpp"

namespace ocelli::serving {

void InferenceCall::clear() noexcept {
  servable.reset();
  recycle(inputs);
  recycle(requested);
  deadline = kNever;
  priority = 0;
  sequence.reset();
  completion = nullptr;
  status = Status();
  recycle(outputs);
  sequence_id.reset();
  times = CallTimes();
  batch_size = 1;
  recycle(work.inputs);
  recycle(work.outputs);
  work.completion = nullptr;
  work.hooks = nullptr;
  recycle(converted);
  servable_state = nullptr;
  servable_next = nullptr;
  cancelled.store(false, std::memory_order_relaxed);
}

}  // namespace ocelli::serving
