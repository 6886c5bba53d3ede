// The commands of the program. Each takes the arguments behind its name, prints to standard output and standard error,
// and returns the exit code.
#pragma once

#include <span>
#include <string>

namespace ocelli::cli {

using Arguments = std::span<const std::string>;

// `ocelli serve`, `ovms`: starts a server and blocks until it is told to stop; or manages configuration files. Without
// arguments it prints its help.
int serve_command(Arguments arguments);
// `ocelli bench`: measures a model in process, through REST and through gRPC.
int bench_command(Arguments arguments);
// `ocelli devices`: what this machine can run models on.
int devices_command(Arguments arguments);
// `ocelli doctor`: what is missing on this machine for its devices to be used, and the remedies.
int doctor_command(Arguments arguments);

// `ocelli version`, `--version`: takes no arguments but --help.
int version_command(Arguments arguments);

}  // namespace ocelli::cli
