#include "backends/openvino/intermediate_memory.hpp"

namespace ocelli::openvino {

void IntermediateMemory::after_run(std::size_t input_bytes) noexcept {
  if (!usual_.give_back_after(input_bytes)) return;
  try {
    compiled_.release_memory();
  } catch (const std::exception&) {
    return;  // busy
  }
  usual_.gave_back();
}

}  // namespace ocelli::openvino
