#include "runtime/shape_override.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ocelli {
namespace {

Result<std::size_t> find_input(const std::vector<TensorSpec>& inputs, const std::string& name) {
  if (name.empty()) {
    if (inputs.size() == 1) return std::size_t{0};
    return invalid_argument(
        fmt::format("a shape without an input name needs a model with one input; this one has {}", inputs.size()));
  }
  const auto found =
      std::find_if(inputs.begin(), inputs.end(), [&](const TensorSpec& input) { return input.name == name; });
  if (found == inputs.end())
    return invalid_argument(fmt::format("shape is given for input {}, which the model does not have", name));
  return static_cast<std::size_t>(found - inputs.begin());
}

std::map<std::size_t, PartialShape> with_batch(const std::vector<TensorSpec>& inputs, const Dimension& batch) {
  std::map<std::size_t, PartialShape> result;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto axis = batch_axis(inputs[i]);
    if (!axis || !inputs[i].shape.rank_known || *axis >= inputs[i].shape.dims.size()) continue;
    PartialShape shape = inputs[i].shape;
    shape.dims[*axis] = batch;
    result.emplace(i, std::move(shape));
  }
  return result;
}

}  // namespace

Result<std::map<std::size_t, PartialShape>> overridden_shapes(const std::vector<TensorSpec>& inputs,
                                                              const CompileOptions& options) {
  if (options.shapes.empty())
    return options.batch ? with_batch(inputs, *options.batch) : std::map<std::size_t, PartialShape>{};
  std::map<std::size_t, PartialShape> result;
  for (const auto& [name, shape] : options.shapes) {
    auto index = find_input(inputs, name);
    if (!index.ok()) return index.status();
    const TensorSpec& input = inputs[*index];
    if (input.shape.rank_known && shape.rank_known && input.shape.dims.size() != shape.dims.size()) {
      return invalid_argument(fmt::format("shape {} for input {} has {} dimensions; the model has {}: {}",
                                          shape.to_string(), input.name, shape.dims.size(), input.shape.dims.size(),
                                          input.shape.to_string()));
    }
    result.insert_or_assign(*index, shape);
  }
  return result;
}

}  // namespace ocelli
