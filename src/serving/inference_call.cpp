#include "serving/inference_call.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

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
  charge.clear();
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

std::size_t text_object_bytes(const InferenceCall& call) noexcept {
  // A std::string for the runtime and a view while it is made; the shortest text takes the four bytes of its length.
  constexpr std::size_t kObjects = sizeof(std::string) + sizeof(std::string_view);
  std::size_t texts = 0;
  for (const auto& input : call.inputs) {
    const auto& view = input.tensor.view;
    if (view.type != DataType::kString) continue;
    const std::size_t most = view.bytes / sizeof(std::uint32_t);
    texts += std::min(view.shape.element_count().value_or(most), most);
  }
  return texts * kObjects;
}

Status check_memory(const InferenceCall& call) {
  const auto gone = [](std::string_view what, std::string_view name) {
    return failed_precondition(
        fmt::format("Shared memory of {} {} was taken away while it was in use: it became smaller, or there is no room "
                    "for it where it lies",
                    what, name));
  };
  for (const auto& input : call.inputs) {
    if (input.tensor.owner && input.tensor.owner->lost()) return gone("input", input.name);
  }
  for (const auto& output : call.requested) {
    if (output.destination_owner && output.destination_owner->lost()) return gone("output", output.name);
  }
  return {};
}

}  // namespace ocelli::serving
