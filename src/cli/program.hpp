// The program: finds the command and runs it.
#pragma once

#include <span>
#include <string>

namespace ocelli::cli {

// arguments do not hold the program's name. Returns the exit code. Blocks for as long as the command runs.
int run_program(std::span<const std::string> arguments);

}  // namespace ocelli::cli
