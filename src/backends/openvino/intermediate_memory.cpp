#include "backends/openvino/intermediate_memory.hpp"

namespace ocelli::openvino {

void IntermediateMemory::after_run(std::size_t input_bytes) noexcept {
  if (!usual_.give_back_after(input_bytes)) return;
  const TimePoint now = Clock::now();
  TimePoint not_before = not_before_.load(std::memory_order_relaxed);
  if (now < not_before || !not_before_.compare_exchange_strong(not_before, now + std::chrono::seconds(1))) return;
  try {
    compiled_.release_memory();
  } catch (const std::exception&) {
    return;  // busy
  }
  usual_.gave_back();
}

}  // namespace ocelli::openvino
