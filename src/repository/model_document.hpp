// ModelDocument: the "config" object of one entry of model_config_list. For this module's .cpp files only.
#pragma once

#include <filesystem>
#include <string>

#include "repository/config_file.hpp"
#include "repository/strict_json.hpp"

namespace ocelli::repository {

// All of them take what check_config() found nothing wrong with. Values that do not parse or fit go to the entry's
// status.
ModelEntry read_model_document(const nlohmann::json& value, const std::string& path,
                               const std::filesystem::path& base_folder, JsonProblem& problem,
                               const ModelConfig& defaults = {});

// One of {"all":{}}, {"latest":{...}}, {"specific":{...}}.
VersionPolicy read_version_policy(const nlohmann::json& value);

// An entry of pipeline_config_list. A name that occurs twice goes to the problem, which spoils the whole file.
PipelineEntry read_pipeline_document(const nlohmann::json& value, const std::string& path, JsonProblem& problem);

}  // namespace ocelli::repository
