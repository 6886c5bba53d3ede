// RequestedShapes: what a model whose batch or shape is "auto" would have to be recompiled to for a call.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "repository/model_config.hpp"
#include "repository/name_mapping.hpp"
#include "runtime/compile_options.hpp"
#include "serving/servable.hpp"

namespace ocelli::repository {

// Only inputs that are free to change; shapes are keyed by the model's own names.
struct RequestedShapes {
  std::map<std::string, PartialShape> shapes;
  std::optional<Dimension> batch;
};

// Empty when the call fits the model as it is, or differs in what is not free to change (which the model itself
// explains best): unknown inputs, other types, another rank, bytes that do not fit the shape, an extent of 0, inputs
// that disagree about the batch.
std::optional<RequestedShapes> requested_shapes(const serving::InferenceCall& call,
                                                const serving::ServableMetadata& metadata, const ModelConfig& config,
                                                const NameMapping& mapping);

// What is wrong with a call to a model whose batch is "auto", apart from the batch, or with an input whose shape is not
// "auto" beside one whose shape is: an extent that no compilation would change. metadata: of the model as it was
// loaded. OK where there is nothing, and for what the model itself explains best.
Status check_fixed_extents(const serving::InferenceCall& call, const serving::ServableMetadata& metadata,
                           const ModelConfig& config);

// Whether a model that was loaded may be automatic: kInvalidArgument when batch_size is auto and an input has no batch
// dimension.
Status check_automatic(const serving::ServableMetadata& metadata, const ModelConfig& config);

}  // namespace ocelli::repository
