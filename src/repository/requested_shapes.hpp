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

  friend bool operator==(const RequestedShapes&, const RequestedShapes&) = default;
};

// The first mistake of a call, in OVMS's order, that is one whatever the model is compiled for; what the request may
// choose is expected as it says. Only a call without one is worth a compilation. metadata: of the model as it was
// loaded. Throws std::bad_alloc.
Status check_request(const serving::InferenceCall& call, const serving::ServableMetadata& metadata,
                     const ModelConfig& config);

// For a call that passed check_request(); metadata: of the model as it is now. Empty when the call fits it as it is.
std::optional<RequestedShapes> requested_shapes(const serving::InferenceCall& call,
                                                const serving::ServableMetadata& metadata, const ModelConfig& config,
                                                const NameMapping& mapping);

// Whether a model that was loaded may be automatic: kInvalidArgument when batch_size is auto and an input has no batch
// dimension, or when shape names an input that the model does not have.
Status check_automatic(const serving::ServableMetadata& metadata, const ModelConfig& config);

}  // namespace ocelli::repository
