// The pages that the table of config.json's keys is shown on.
#pragma once

#include <string>

namespace ocelli::cli {

// For `ocelli options --config-schema`: a JSON Schema (draft 2020-12) of config.json; "$defs" has one for
// mapping_config.json too ("#/$defs/mapping_config"). It refuses the keys and types for which the server refuses the
// file or one entry; what values mean (a shape, a device) only the server checks.
std::string config_schema();
// For the part of docs/reference/config.md behind its own text, by `ocelli options --config-markdown`.
std::string config_markdown();

}  // namespace ocelli::cli
