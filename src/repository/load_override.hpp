// LoadOverride: what a request to load a model wants instead of the configuration. For this module's .cpp files only.
#pragma once

#include <string>

#include "base/log.hpp"
#include "repository/config_file.hpp"
#include "serving/sent_model.hpp"

namespace ocelli::repository {

// The model as it is configured (null: it is not), with what sent.config says, which is not empty; what it says of
// places of files is refused. When files come too, base_path is to be set to where they are. Keys without a meaning go
// to the log. Errors: kInvalidArgument.
Result<ModelEntry> load_override(const std::string& name, const ModelEntry* configured, const serving::SentModel& sent,
                                 const Log& log);

}  // namespace ocelli::repository
