// Exit codes of the program, as OVMS has them.
#pragma once

namespace ocelli::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;  // a port, a model, a file
inline constexpr int kExitUsage = 64;   // EX_USAGE of sysexits.h

}  // namespace ocelli::cli
