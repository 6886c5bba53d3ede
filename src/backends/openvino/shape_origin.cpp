#include "backends/openvino/shape_origin.hpp"

#include <algorithm>
#include <map>

#include "backends/openvino/openvino_error.hpp"

namespace ocelli::openvino {
namespace {

// A size that no constant of a model is likely to have, and which is not broadcast as one would be.
constexpr std::int64_t kTrialBatch = 3;

bool outputs_are_static(const ov::Model& model) {
  return std::ranges::all_of(model.outputs(),
                             [](const auto& output) { return output.get_partial_shape().is_static(); });
}

// The inputs' shapes with open first dimensions fixed; empty when something else is open.
std::map<std::size_t, ov::PartialShape> trial_shapes(const ov::Model& model) {
  std::map<std::size_t, ov::PartialShape> shapes;
  for (std::size_t i = 0; i < model.inputs().size(); ++i) {
    auto shape = model.input(i).get_partial_shape();
    if (shape.rank().is_dynamic()) return {};
    if (shape.size() > 0 && shape[0].is_dynamic())
      shape[0] = shape[0].compatible(kTrialBatch) ? kTrialBatch : shape[0].get_min_length();
    if (shape.is_dynamic()) return {};
    shapes.emplace(i, std::move(shape));
  }
  return shapes;
}

}  // namespace

bool shapes_follow_inputs(const ov::Model& model) noexcept {
  bool follow = false;
  const auto status = guarded(StatusCode::kInternal, [&] {
    follow = outputs_are_static(model);
    if (follow) return;
    const auto shapes = trial_shapes(model);
    if (shapes.empty()) return;
    const auto copy = model.clone();
    copy->reshape(shapes);
    const ov::Model& reshaped = *copy;
    follow = outputs_are_static(reshaped);
  });
  return status.ok() && follow;
}

}  // namespace ocelli::openvino
