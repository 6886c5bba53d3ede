#include "backends/openvino/operator_split.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <map>
#include <utility>
#include <vector>

namespace ocelli::openvino {
namespace {

constexpr std::size_t kMostNamed = 12;

using Counts = std::map<std::string, std::uint32_t>;

// What a model is made of beside its operators.
bool is_operator(const ov::Node& node) {
  const std::string_view kind = node.get_type_name();
  return kind != "Parameter" && kind != "Result" && kind != "Constant";
}

std::string text_of(const std::string& device, const Counts& counts) {
  std::vector<std::pair<std::string, std::uint32_t>> sorted(counts.begin(), counts.end());
  std::ranges::stable_sort(sorted, [](const auto& a, const auto& b) { return a.second > b.second; });
  std::uint32_t all = 0;
  std::string named;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    all += sorted[i].second;
    if (i < kMostNamed) named += fmt::format("{}{} {}", i == 0 ? "" : ", ", sorted[i].first, sorted[i].second);
  }
  if (sorted.size() > kMostNamed) named += fmt::format(" and {} more kinds", sorted.size() - kMostNamed);
  return fmt::format("{} runs {} operator{}: {}", device, all, all == 1 ? "" : "s", named);
}

}  // namespace

std::string operator_split(const ov::Core& core, const std::shared_ptr<const ov::Model>& model,
                           const std::string& device, const ov::AnyMap& properties) noexcept {
  if (!device.starts_with("HETERO:")) return {};
  try {
    const auto places = core.query_model(model, device, properties);
    // In the order in which the devices come up in the model.
    std::vector<std::pair<std::string, Counts>> shares;
    for (const auto& node : model->get_ordered_ops()) {
      const auto place = places.find(node->get_friendly_name());
      if (place == places.end() || !is_operator(*node)) continue;
      auto share = std::ranges::find(shares, place->second, &std::pair<std::string, Counts>::first);
      if (share == shares.end()) share = shares.insert(shares.end(), {place->second, {}});
      ++share->second[node->get_type_name()];
    }
    std::string text;
    for (const auto& [name, counts] : shares) text += (text.empty() ? "" : "; ") + text_of(name, counts);
    return text;
  } catch (const std::exception&) {
    return {};
  }
}

}  // namespace ocelli::openvino
