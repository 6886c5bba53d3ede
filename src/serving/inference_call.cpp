#include "serving/inference_call.hpp"

namespace ocelli::serving {

void InferenceCall::clear() noexcept {
  servable.reset();
  inputs.clear();
  requested.clear();
  deadline = kNever;
  priority = 0;
  sequence.reset();
  completion = nullptr;
  status = Status();
  outputs.clear();
  sequence_id.reset();
  times = CallTimes();
  batch_size = 1;
  work.inputs.clear();
  work.outputs.clear();
  work.completion = nullptr;
  work.hooks = nullptr;
  converted.clear();
  servable_state = nullptr;
  servable_next = nullptr;
  cancelled.store(false, std::memory_order_relaxed);
}

}  // namespace ocelli::serving
