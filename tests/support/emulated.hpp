// Whether this program's processor is emulated.
#pragma once

#include <cstdlib>

namespace ocelli::test {

// Under qemu-user, as ctest's preset for another processor sets it: /proc then tells of the machine that really is.
inline bool emulated() { return std::getenv("QEMU_LD_PREFIX") != nullptr; }

}  // namespace ocelli::test
