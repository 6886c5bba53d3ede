// Triton's log and trace settings as JSON.
#pragma once

#include <string>
#include <string_view>

#include "base/status.hpp"
#include "protocols/settings/server_settings.hpp"

namespace ocelli::admin {

// The object of POST /v2/logging and .../trace/setting; an empty body counts as {}. Errors: kFailedPrecondition "The
// file is not valid json", kInvalidArgument naming a setting that is neither a string, a boolean, an integer from 0, a
// list of strings nor null.
Result<settings::Values> parse_settings(std::string_view body);

// What GET and POST answer.
void append_settings(std::string& text, const settings::Values& values);

}  // namespace ocelli::admin
