#include "serving/signature_match.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ocelli::serving {
namespace {

bool shapes_agree(const PartialShape& a, const PartialShape& b) {
  if (!a.rank_known || !b.rank_known) return true;
  return std::ranges::equal(a.dims, b.dims, [](const Dimension& x, const Dimension& y) {
    return !x.is_static() || !y.is_static() || x.min == y.min;
  });
}

// Whether every extent that is shown can be given to the member.
bool takes_all(const PartialShape& member, const PartialShape& shown) {
  if (!member.rank_known || !shown.rank_known) return true;
  return std::ranges::equal(member.dims, shown.dims, [](const Dimension& own, const Dimension& other) {
    // No request has an extent of 0 unless it says so, and runtimes differ in where they begin to count.
    if (own.min > std::max<std::int64_t>(other.min, 1)) return false;
    return own.max == Dimension::kUnbounded || (other.max != Dimension::kUnbounded && other.max <= own.max);
  });
}

std::string narrower_input(const std::vector<TensorSpec>& inputs, const std::vector<TensorSpec>& shown) {
  for (std::size_t i = 0; i < std::min(inputs.size(), shown.size()); ++i) {
    if (takes_all(inputs[i].shape, shown[i].shape)) continue;
    return fmt::format("input {} takes {} only, not all of {}; a fixed shape (--shape or --batch_size) suits both",
                       inputs[i].name, inputs[i].shape.to_string(), shown[i].shape.to_string());
  }
  return {};
}

std::string difference(const char* kind, const std::vector<TensorSpec>& tensors,
                       const std::vector<TensorSpec>& reference) {
  if (tensors.size() != reference.size()) return fmt::format("{} {}s, not {}", tensors.size(), kind, reference.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const auto& a = tensors[i];
    const auto& b = reference[i];
    if (a.name == b.name && a.type == b.type && shapes_agree(a.shape, b.shape)) continue;
    return fmt::format("{} {} is {} {} {}, not {} {} {}", kind, i, a.name, kserve_name(a.type), a.shape.to_string(),
                       b.name, kserve_name(b.type), b.shape.to_string());
  }
  return {};
}

}  // namespace

std::string signature_difference(const ModelSignature& signature, const ModelSignature& reference) {
  auto inputs = difference("input", signature.inputs, reference.inputs);
  if (inputs.empty()) inputs = narrower_input(signature.inputs, reference.inputs);
  return inputs.empty() ? difference("output", signature.outputs, reference.outputs) : inputs;
}

}  // namespace ocelli::serving
