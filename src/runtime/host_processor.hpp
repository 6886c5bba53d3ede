// The processor that this process runs on.
#pragma once

#include <string>
#include <string_view>

namespace ocelli {

// What a machine's processor is called: "AMD EPYC 9004", or on ARM the machine and its kinds of cores, "Radxa ROCK 5B
// (Cortex-A55, Cortex-A76)". cpuinfo is the text of /proc/cpuinfo; board is that of /proc/device-tree/model, taken
// where cpuinfo names no model. A core that is not known by name is "ARM core 0x41:0xd99", implementer and part of
// MIDR_EL1. Empty when neither text says anything.
std::string processor_name(std::string_view cpuinfo, std::string_view board);

// That of this machine; "CPU" when nothing is known. Thread-safe.
std::string host_processor_name();

}  // namespace ocelli
