// The processor that this process runs on.
#pragma once

#include <string>

namespace ocelli {

// "AMD EPYC 9004", from /proc/cpuinfo; on boards that have no name there, the board's from the device tree; else "CPU".
// Thread-safe.
std::string host_processor_name();

}  // namespace ocelli
