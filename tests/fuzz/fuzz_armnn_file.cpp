// summarize(): any bytes give a summary that fits into them, or nothing. The first byte chooses the format.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "backends/armnn/model_summary.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto format = data[0] % 2 == 0 ? ocelli::ModelFormat::kTflite : ocelli::ModelFormat::kArmnn;
  const auto summary = ocelli::arm_nn::summarize(format, std::as_bytes(std::span(data + 1, size - 1)));
  if (!summary) return 0;
  if (summary->inputs.empty() || summary->outputs.empty()) std::abort();
  for (const auto* ports : {&summary->inputs, &summary->outputs}) {
    for (const auto& port : *ports) {
      if (port.name.size() > size) std::abort();
    }
  }
  return 0;
}
