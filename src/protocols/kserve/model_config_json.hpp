// Triton's model configuration as JSON.
#pragma once

#include <string>

#include "serving/servable.hpp"

namespace ocelli::kserve {

// GET /v2/models/{m}/config: what ModelConfig answers over gRPC, under the same names. max_batch_size is 0, Triton's
// way to say that dims are the whole shape, batch included.
void append_model_config(std::string& text, const serving::ServableMetadata& metadata);

}  // namespace ocelli::kserve
