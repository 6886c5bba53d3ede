// summarize_onnx(): any bytes give a summary that fits into them, or nothing. shapes_follow_inputs(): any bytes end.
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>

#include "backends/onnx_file/onnx_summary.hpp"
#include "backends/onnx_file/shape_origin.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::istringstream file(std::string(reinterpret_cast<const char*>(data), size));
  (void)ocelli::onnx_file::shapes_follow_inputs(file);
  file.clear();
  const auto summary = ocelli::onnx_file::summarize_onnx(file);
  if (!summary) return 0;
  std::size_t dimensions = 0;
  for (const auto& [name, dims] : summary->inputs) dimensions += dims.size();
  if (dimensions > size || summary->operators.size() > size) std::abort();
  return 0;
}
