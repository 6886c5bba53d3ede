// KServe v2 documents about the server and its models, as compact JSON.
#pragma once

#include <string>
#include <string_view>

#include "serving/model_catalog.hpp"
#include "serving/servable.hpp"

namespace ocelli::kserve {

// GET /v2.
void append_server_metadata(std::string& text, std::string_view name, std::string_view version, bool shared_memory);

// GET /v2/models/{m}. status gives the versions to list: the AVAILABLE ones. Besides KServe's members: "rt_info" when
// the model carries model_info, and "execution", an array that says where the model really runs.
void append_model_metadata(std::string& text, const serving::ServableMetadata& metadata,
                           const serving::ModelStatus& status);

// One element of "model_stats" of GET /v2/models/{m}/stats, as Triton's statistics extension has it.
void append_model_statistics(std::string& text, serving::Servable& servable);

}  // namespace ocelli::kserve
