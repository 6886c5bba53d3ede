// ExpectedTensors: whether a loaded model is what a load request said of it.
#pragma once

#include "base/status.hpp"
#include "repository/model_config.hpp"
#include "serving/servable.hpp"

namespace ocelli::repository {

// kInvalidArgument with the tensor, what the request says and what the model has, when config.expected_inputs or
// expected_outputs name a tensor that the model lacks, another type, another rank, or an extent that the model does not
// take; -1 needs a dimension that is free.
Status check_expected(const serving::ServableMetadata& metadata, const ModelConfig& config);

}  // namespace ocelli::repository
