// summarize(): any bytes give a summary that fits into them, or nothing; find_tflite_fault(): any bytes are judged. The
// first byte chooses the format.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "backends/armnn/model_summary.hpp"
#include "backends/armnn/tflite_check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto format = data[0] % 2 == 0 ? ocelli::ModelFormat::kTflite : ocelli::ModelFormat::kArmnn;
  const auto bytes = std::as_bytes(std::span(data + 1, size - 1));
  (void)ocelli::arm_nn::find_tflite_fault(bytes);
  const auto summary = ocelli::arm_nn::summarize(format, bytes);
  if (!summary) return 0;
  if (summary->inputs.empty() || summary->outputs.empty()) std::abort();
  for (const auto* ports : {&summary->inputs, &summary->outputs}) {
    for (const auto& port : *ports) {
      if (port.name.size() > size) std::abort();
    }
  }
  return 0;
}
