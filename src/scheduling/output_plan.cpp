#include "scheduling/output_plan.hpp"

#include <algorithm>

namespace ocelli::scheduling {
namespace {

bool tail_is_static(const PartialShape& shape) noexcept {
  return shape.rank_known && !shape.dims.empty() && shape.dims.size() <= Shape::kMaxRank &&
         std::all_of(shape.dims.begin() + 1, shape.dims.end(), [](const Dimension& dim) { return dim.is_static(); });
}

OutputPlan plan_output(const TensorSpec& spec, bool items_known) {
  OutputPlan plan;
  plan.type = spec.type;
  const std::size_t size = element_size(spec.type);
  if (size == 0 || !tail_is_static(spec.shape)) {
    // A scalar has no dimension at all.
    if (size != 0 && spec.shape.rank_known && spec.shape.dims.empty()) {
      plan.known = true;
      plan.bytes = size;
    }
    return plan;
  }
  const bool dynamic_items = !spec.shape.dims[0].is_static();
  if (dynamic_items && !items_known) return plan;
  plan.per_item = dynamic_items;
  for (const auto& dim : spec.shape.dims) plan.shape.push_back(dim.min);
  if (dynamic_items) plan.shape[0] = 1;
  plan.allowed = spec.shape.dims[0];
  const auto count = plan.shape.element_count();
  plan.known = count.has_value();
  plan.bytes = count.value_or(0) * size;
  return plan;
}

bool first_dimension_is_batch(const TensorSpec& spec) noexcept {
  return spec.type != DataType::kString && tail_is_static(spec.shape) && batch_axis(spec) == std::size_t{0};
}

}  // namespace

std::vector<OutputPlan> plan_outputs(const ModelSignature& signature, bool items_known) {
  std::vector<OutputPlan> plans;
  for (const auto& output : signature.outputs) plans.push_back(plan_output(output, items_known));
  return plans;
}

bool batch_is_first_dimension(const ModelSignature& signature) noexcept {
  return !signature.inputs.empty() && std::ranges::all_of(signature.inputs, first_dimension_is_batch) &&
         std::ranges::all_of(signature.outputs, first_dimension_is_batch);
}

}  // namespace ocelli::scheduling
