// The pages that the option table is shown on.
#pragma once

#include <cstddef>
#include <string>

namespace ocelli::cli {

// For --help: grouped and wrapped to so many columns (at least 60 are used).
std::string options_help(std::size_t columns);
// For `ocelli options --json`: an array of objects {name, group, type, value, default, config_key, environment,
// choices, min, max, help}.
std::string options_json();
// For docs/reference/options.md, by `ocelli options --markdown`.
std::string options_markdown();

}  // namespace ocelli::cli
