// The pages that the option table is shown on.
#pragma once

#include <cstddef>
#include <string>

#include "cli/command_line.hpp"

namespace ocelli::cli {

// For --help: the options of that command, grouped and wrapped to so many columns (at least 60 are used).
std::string options_help(std::size_t columns, OptionUser user = OptionUser::kServe);
// For `ocelli options --json`: an array of objects {name, group, type, value, default, config_key, environment,
// choices, min, max, help}.
std::string options_json();
// For docs/reference/options.md, by `ocelli options --markdown`.
std::string options_markdown();

}  // namespace ocelli::cli
