#include "backends/onnxruntime/node_placement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>

namespace ocelli::onnxruntime {
namespace {

constexpr std::string_view kCpuName = "CPU";
constexpr std::size_t kMostNamed = 12;

std::string operators_text(const std::map<std::string, std::uint32_t>& operators) {
  std::vector<std::pair<std::string, std::uint32_t>> sorted(operators.begin(), operators.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string text;
  for (std::size_t i = 0; i < sorted.size() && i < kMostNamed; ++i)
    text += fmt::format("{}{} {}", i == 0 ? "" : ", ", sorted[i].first, sorted[i].second);
  if (sorted.size() > kMostNamed) text += fmt::format(" and {} more kinds", sorted.size() - kMostNamed);
  return text;
}

}  // namespace

std::uint32_t DeviceShare::nodes() const noexcept {
  return std::accumulate(operators.begin(), operators.end(), 0U,
                         [](std::uint32_t sum, const auto& entry) { return sum + entry.second; });
}

std::string DeviceShare::to_string() const {
  return fmt::format("{} node{}: {}", nodes(), nodes() == 1 ? "" : "s", operators_text(operators));
}

std::string placement_text(const NodePlacement& placement) {
  std::string text;
  for (const auto& share : placement)
    text += fmt::format("{}{} runs {}", text.empty() ? "" : "; ", share.device, share.to_string());
  return text;
}

bool computes_shapes(const std::string& op) noexcept {
  static constexpr std::array<std::string_view, 33> kOperators{"Shape",     "Size",   "Gather",  "GatherElements",
                                                               "GatherND",  "Concat", "Slice",   "Squeeze",
                                                               "Unsqueeze", "Cast",   "Add",     "Sub",
                                                               "Mul",       "Div",    "Mod",     "Neg",
                                                               "Floor",     "Ceil",   "Sqrt",    "Min",
                                                               "Max",       "Range",  "Expand",  "ConstantOfShape",
                                                               "Reshape",   "Equal",  "Greater", "Less",
                                                               "Where",     "Not",    "And",     "ReduceProd",
                                                               "Identity"};
  return std::find(kOperators.begin(), kOperators.end(), op) != kOperators.end();
}

Status check_fallback(const NodePlacement& placement, const DeviceRequest& request, CpuFallback allowed) {
  if (allowed == CpuFallback::kYes || request.on_cpu_alone()) return {};
  DeviceShare refused;
  for (const auto& share : placement) {
    if (share.device != kCpuName) continue;
    for (const auto& [op, count] : share.operators) {
      if (allowed == CpuFallback::kNo || !computes_shapes(op)) refused.operators.emplace(op, count);
    }
  }
  if (refused.operators.empty()) return {};
  return failed_precondition(fmt::format(
      "Cannot compile model into target device {}: {} would run on the CPU, because the device has no kernel for them; "
      "allow that with plugin_config CPU_FALLBACK=YES, or name both devices with HETERO:{},CPU",
      request.text, refused.to_string(),
      request.text.starts_with("HETERO:") ? std::string_view(request.text).substr(7) : std::string_view(request.text)));
}

}  // namespace ocelli::onnxruntime
