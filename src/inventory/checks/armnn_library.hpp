// ARM NN's library and the backends that are installed with it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "inventory/library_search.hpp"
#include "inventory/machine.hpp"

namespace ocelli::inventory {

// What installs ARM NN with every backend that Debian has for this processor.
inline constexpr const char* kInstallArmNn = "sudo apt-get install -y libarmnn-dev 'libarmnn-*-backend*'";

// kModule: place is its file. kMissing: modules lie in the folder place, but not this one. kInside: there are no
// modules, so that it can only be in the library, which no file tells.
enum class ArmNnBackendState : std::uint8_t { kModule, kMissing, kInside };

// Whether a backend is there, and where. The default: nothing is known of it.
struct ArmNnBackend {
  ArmNnBackendState state = ArmNnBackendState::kInside;
  std::string place;
  std::string install;  // the command that installs it; empty unless it is missing
};

// The backend of this name ("GpuAcc") of the library at this path. Debian packs each by itself, as a module beside the
// library; others build all into it.
ArmNnBackend armnn_backend(const Machine& machine, const std::string& library, std::string_view name);

}  // namespace ocelli::inventory
