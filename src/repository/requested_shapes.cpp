#include "repository/requested_shapes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "serving/picture_input.hpp"
#include "serving/request_validation.hpp"
#include "serving/string_rows.hpp"
#include "tensor/string_tensor.hpp"

namespace ocelli::repository {
namespace {

const serving::CallInput* input_of(const serving::InferenceCall& call, const std::string& name) {
  const auto found = std::ranges::find(call.inputs, std::string_view(name), &serving::CallInput::name);
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

// Encoded pictures, or texts for rows of bytes: their number is the batch, the rest follows the model.
bool is_list(const TensorSpec& spec, const TensorView& view) {
  return view.type == DataType::kString && spec.type != DataType::kString &&
         (serving::takes_pictures(spec) || serving::takes_string_rows(spec));
}

bool all_positive(const Shape& shape) {
  return std::all_of(shape.begin(), shape.end(), [](std::int64_t extent) { return extent >= 1; });
}

// The shape that the model would have to take for this input; empty when it is none that could be asked for.
std::optional<Shape> shape_for_model(const TensorSpec& spec, const TensorView& view) {
  if (!spec.shape.rank_known) return std::nullopt;
  Shape shape = view.shape;
  if (is_list(spec, view)) {
    const auto fixed = spec.shape.static_shape();
    if (view.shape.rank() != 1 || !fixed || batch_axis(spec) != std::size_t{0}) return std::nullopt;
    shape = *fixed;
    shape[0] = view.shape[0];
  }
  if (shape.rank() != spec.shape.dims.size() || !all_positive(shape)) return std::nullopt;
  return shape;
}

// The spec that the input has to fit: with what the request may choose as the request has it. batch: what the inputs
// before this one chose.
TensorSpec chosen(const TensorSpec& spec, const TensorView& view, const ModelConfig& config,
                  std::optional<std::int64_t>& batch) {
  TensorSpec result = spec;
  const auto shape = shape_for_model(spec, view);
  if (!shape) return result;
  if (!config.shapes.empty()) {
    if (shape_is_free(config, spec.name)) result.shape = PartialShape::from(*shape);
    return result;
  }
  const auto axis = batch_axis(spec);
  if (!axis || *axis >= shape->rank()) return result;
  if (!batch) batch = (*shape)[*axis];
  result.shape.dims[*axis] = Dimension::fixed(*batch);
  return result;
}

Status check_list(const TensorSpec& spec, const serving::CallInput& input) {
  const auto& view = input.tensor.view;
  if (Status status = serving::validate_list(spec.name, spec, view.shape); !status.ok()) return status;
  if (!input.fault.ok()) return input.fault;
  const auto count = static_cast<std::size_t>(view.shape[0]);
  const auto elements = unpack_strings({view.data, view.bytes}, count);
  if (!elements.ok()) return serving::wrong_packing(spec.name, count, elements.status().message());
  if (serving::takes_pictures(spec)) return serving::check_pictures(spec.name, spec, *elements);
  const auto width = std::max<std::int64_t>(spec.shape.dims[1].min, 0);
  return serving::check_row_bytes(spec.name, count, static_cast<std::size_t>(width));
}

}  // namespace

Status check_request(const serving::InferenceCall& call, const serving::ServableMetadata& metadata,
                     const ModelConfig& config) {
  if (call.inputs.size() != metadata.inputs.size())
    return serving::wrong_input_count(metadata.inputs.size(), call.inputs.size());
  std::optional<std::int64_t> batch;
  for (const TensorSpec& spec : metadata.inputs) {
    const auto* input = input_of(call, spec.name);
    if (!input) return serving::missing_input(spec.name);
    const auto& view = input->tensor.view;
    const auto expected = chosen(spec, view, config, batch);
    Status status = is_list(spec, view) ? check_list(expected, *input)
                                        : serving::validate_input(spec.name, expected, view, input->fault);
    if (!status.ok()) return status;
  }
  return {};
}

std::optional<RequestedShapes> requested_shapes(const serving::InferenceCall& call,
                                                const serving::ServableMetadata& metadata, const ModelConfig& config,
                                                const NameMapping& mapping) {
  RequestedShapes requested;
  bool differs = false;
  for (const TensorSpec& spec : metadata.inputs) {
    const auto* input = input_of(call, spec.name);
    const auto shape = input ? shape_for_model(spec, input->tensor.view) : std::nullopt;
    if (!shape) return std::nullopt;
    differs = differs || !spec.shape.accepts(*shape);
    const auto axis = batch_axis(spec);
    if (shape_is_free(config, spec.name)) {
      requested.shapes[own_name(spec.name, mapping)] = PartialShape::from(*shape);
    } else if (config.shapes.empty() && axis && *axis < shape->rank()) {
      requested.batch = Dimension::fixed((*shape)[*axis]);
    }
  }
  if (!differs) return std::nullopt;
  return requested;
}

Status check_automatic(const serving::ServableMetadata& metadata, const ModelConfig& config) {
  if (!config.automatic()) return {};
  for (const auto& [name, shape] : config.shapes) {
    const bool known = std::ranges::find(metadata.inputs, name, &TensorSpec::name) != metadata.inputs.end();
    if (!name.empty() && !known) return invalid_argument(fmt::format("shape auto: the model has no input {}", name));
  }
  if (!config.shapes.empty()) return {};
  for (const TensorSpec& spec : metadata.inputs) {
    if (!batch_axis(spec))
      return invalid_argument(fmt::format("batch_size auto: input {} has no batch dimension", spec.name));
  }
  return {};
}

}  // namespace ocelli::repository
