// ConfigCheck: a JSON document against the table of keys. For this module's .cpp files only.
#pragma once

#include <string>

#include "repository/config_key.hpp"
#include "repository/strict_json.hpp"

namespace ocelli::repository {

// Reports the first key that is unknown, missing (need kByFile) or of the wrong type, here or in any object within,
// with its path ("model_config_list[1].config.nam"), what was expected and what was found. partial: nothing has to be
// there at this level. After it readers need not look at types again.
void check_config(const nlohmann::json& value, const std::string& path, const ConfigObject& object,
                  JsonProblem& problem, bool partial = false);

}  // namespace ocelli::repository
