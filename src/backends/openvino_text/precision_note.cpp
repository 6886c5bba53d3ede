#include "backends/openvino_text/precision_note.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

namespace ocelli::openvino {
namespace {

// "34 in FP32, 16 in BF16, 3 in INT8"
std::string mix_text(const LayerCounts& layers) {
  std::vector<std::pair<std::string, int>> sorted(layers.begin(), layers.end());
  std::ranges::stable_sort(sorted, std::ranges::greater{}, [](const auto& entry) { return entry.second; });
  std::vector<std::string> parts;
  for (const auto& [precision, count] : sorted) parts.push_back(fmt::format("{} in {}", count, precision));
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace

std::string most_frequent(const LayerCounts& layers) {
  const auto most = std::ranges::max_element(layers, {}, [](const auto& entry) { return entry.second; });
  return most == layers.end() ? "" : most->first;
}

std::string precision_note(const LayerCounts& layers, bool told_precision) {
  const bool mixed = layers.size() > 1;
  const char* chosen = layers.contains("BF16") ? "BF16" : layers.contains("FP16") ? "FP16" : nullptr;
  std::string note;
  if (mixed) note = fmt::format("of its convolutions and matrix products {}", mix_text(layers));
  if (told_precision || !chosen) return note;
  note += mixed ? fmt::format("; the device chose {}, so that", chosen)
                : fmt::format("computes in {}, which the device chose, so that", chosen);
  return note + R"( answers differ a little from FP32; plugin_config {"INFERENCE_PRECISION_HINT":"f32"} makes it )"
                "compute in FP32";
}

}  // namespace ocelli::openvino
