// The program: finds the command and runs it.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace ocelli::cli {

// arguments do not hold the program's name, which is program, without folders: called "ovms", an unknown word is
// answered as OVMS does instead of as an unknown command. Returns the exit code. Blocks for as long as the command
// runs.
int run_program(std::span<const std::string> arguments, std::string_view program = "ocelli");

}  // namespace ocelli::cli
