// Config management: edits configuration files and lists repositories without starting a server.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/status.hpp"
#include "cli/command_line.hpp"

namespace ocelli::cli {

// Relative paths of the servables below folder, ascending: folders that have a version folder (a positive number
// without leading zeros) with a known set of model files, or a graph.pbtxt. Error: kNotFound when folder cannot be
// read.
Result<std::vector<std::string>> find_servables(const std::filesystem::path& folder);

// What --list_models, --add_to_config and --remove_from_config print to standard output. Errors (exit code 1) carry the
// line for standard error. The file is replaced in one step: whoever reads it meanwhile sees the old or the new one.
Result<std::string> manage_config(const CommandLine& line);

}  // namespace ocelli::cli
