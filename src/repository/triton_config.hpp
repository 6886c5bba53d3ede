// TritonConfig: the keys of Triton's ModelConfig in the configuration of a load request. For this module's .cpp files
// only.
#pragma once

#include <string>
#include <vector>

#include "repository/model_config.hpp"
#include "repository/strict_json.hpp"

namespace ocelli::repository {

// Takes every key of Triton's ModelConfig out of the object and puts what it says into config; what stays is for
// read_model_document(). Whole numbers may be texts, as protobuf writes them in JSON. ignored receives the keys, by
// path, that have no meaning here. Wrong types, unknown keys below those taken, keys that ask for what is not offered,
// and keys beside ours for the same setting are reported to the problem. Does nothing when document is no object.
void take_triton_keys(nlohmann::json& document, ModelConfig& config, std::vector<std::string>& ignored,
                      JsonProblem& problem);

}  // namespace ocelli::repository
