#include "repository/requested_shapes.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "serving/request_validation.hpp"

namespace ocelli::repository {
namespace {

const serving::CallInput* input_of(const serving::InferenceCall& call, const std::string& name) {
  const auto found = std::find_if(call.inputs.begin(), call.inputs.end(),
                                  [&](const serving::CallInput& input) { return input.name == name; });
  return found == call.inputs.end() ? nullptr : &*found;
}

// Whether the shape of this input may be changed as a whole.
bool shape_is_free(const ModelConfig& config, const std::string& client_name) {
  for (const std::string& key : {client_name, std::string()}) {
    if (const auto given = config.shapes.find(key); given != config.shapes.end()) return given->second.automatic;
  }
  return false;
}

const std::string& own_name(const std::string& client_name, const NameMapping& mapping) {
  const auto found = std::find_if(mapping.inputs.begin(), mapping.inputs.end(),
                                  [&](const auto& pair) { return pair.second == client_name; });
  return found == mapping.inputs.end() ? client_name : found->first;
}

// Pictures come as a list of encoded ones: their number is the batch, the rest follows the model.
std::optional<Shape> shape_for_model(const TensorSpec& spec, const TensorView& view) {
  if (view.type == spec.type) {
    const auto elements = view.shape.element_count();
    const bool whole =
        spec.type == DataType::kString || (elements && *elements * element_size(spec.type) == view.bytes);
    return whole ? std::optional(view.shape) : std::nullopt;
  }
  const auto axis = batch_axis(spec);
  const auto fixed = spec.shape.static_shape();
  if (view.type != DataType::kString || view.shape.rank() != 1 || !axis || !fixed || *axis >= fixed->rank())
    return std::nullopt;
  Shape shape = *fixed;
  shape[*axis] = view.shape[0];
  return shape;
}

// Inputs whose shape does not follow the request, where others do. What the model is compiled for now says nothing
// about those others, so a mistake here is told first.
Status check_fixed_inputs(const serving::InferenceCall& call, const serving::ServableMetadata& metadata,
                          const ModelConfig& config) {
  if (call.inputs.size() != metadata.inputs.size()) return {};
  for (const TensorSpec& spec : metadata.inputs) {
    const auto* input = input_of(call, spec.name);
    if (!input || input->tensor.view.type != spec.type) continue;
    const bool free = shape_is_free(config, spec.name);
    if (free && input->tensor.view.shape.rank() == spec.shape.dims.size() && !input->fault.ok()) return input->fault;
    if (free) continue;
    if (Status status = serving::validate_input(spec.name, spec, input->tensor.view, input->fault); !status.ok())
      return status;
  }
  return {};
}

bool only_batch_differs(const TensorSpec& spec, const Shape& shape, std::size_t axis) {
  for (std::size_t i = 0; i < shape.rank(); ++i) {
    if (i != axis && !spec.shape.dims[i].accepts(shape[i])) return false;
  }
  return true;
}

}  // namespace

std::optional<RequestedShapes> requested_shapes(const serving::InferenceCall& call,
                                                const serving::ServableMetadata& metadata, const ModelConfig& config,
                                                const NameMapping& mapping) {
  if (call.inputs.size() != metadata.inputs.size()) return std::nullopt;
  RequestedShapes requested;
  bool differs = false;
  for (const TensorSpec& spec : metadata.inputs) {
    const auto* input = input_of(call, spec.name);
    if (!input || !input->fault.ok()) return std::nullopt;
    const auto shape = shape_for_model(spec, input->tensor.view);
    if (!shape || !spec.shape.rank_known || shape->rank() != spec.shape.dims.size()) return std::nullopt;
    if (std::any_of(shape->begin(), shape->end(), [](std::int64_t extent) { return extent < 1; })) return std::nullopt;
    const bool fits = spec.shape.accepts(*shape);
    differs = differs || !fits;
    if (!config.shapes.empty()) {
      if (shape_is_free(config, spec.name)) {
        requested.shapes[own_name(spec.name, mapping)] = PartialShape::from(*shape);
      } else if (!fits) {
        return std::nullopt;
      }
      continue;
    }
    const auto axis = batch_axis(spec);
    if (!axis || *axis >= shape->rank()) {
      if (!fits) return std::nullopt;
      continue;
    }
    const Dimension batch = Dimension::fixed((*shape)[*axis]);
    if (!only_batch_differs(spec, *shape, *axis) || (requested.batch && *requested.batch != batch)) return std::nullopt;
    requested.batch = batch;
  }
  if (!differs) return std::nullopt;
  return requested;
}

Status check_fixed_extents(const serving::InferenceCall& call, const serving::ServableMetadata& metadata,
                           const ModelConfig& config) {
  if (!config.shapes.empty()) return check_fixed_inputs(call, metadata, config);
  if (config.batch.kind != BatchParameter::Kind::kAuto || call.inputs.size() != metadata.inputs.size()) return {};
  for (const TensorSpec& spec : metadata.inputs) {
    const auto* input = input_of(call, spec.name);
    const auto axis = batch_axis(spec);
    if (!input || !axis || !spec.shape.rank_known || *axis >= spec.shape.dims.size()) continue;
    const auto& view = input->tensor.view;
    if (view.type != spec.type || view.shape.rank() != spec.shape.dims.size()) continue;
    if (only_batch_differs(spec, view.shape, *axis)) {
      if (!input->fault.ok()) return input->fault;
      continue;
    }
    // As it would be for this batch.
    auto expected = spec.shape;
    expected.dims[*axis] = Dimension::fixed(view.shape[*axis]);
    return serving::wrong_shape(spec.name, expected, view.shape);
  }
  return {};
}

Status check_automatic(const serving::ServableMetadata& metadata, const ModelConfig& config) {
  if (!config.shapes.empty() || config.batch.kind != BatchParameter::Kind::kAuto) return {};
  for (const TensorSpec& spec : metadata.inputs) {
    if (!batch_axis(spec))
      return invalid_argument(fmt::format("batch_size auto: input {} has no batch dimension", spec.name));
  }
  return {};
}

}  // namespace ocelli::repository
