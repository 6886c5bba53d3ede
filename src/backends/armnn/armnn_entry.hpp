// The one function of libocelli_armnn.so, the part of this backend that is linked with ARM NN.
#pragma once

#include <string>

#include "runtime/backend_module.hpp"

namespace ocelli::arm_nn {

// Same contract as BackendEntry::create.
using CreateFunction = Runtime* (*)(const BackendContext& context, std::string* error) noexcept;
inline constexpr const char* kCreateSymbol = "ocelli_armnn_create";
inline constexpr const char* kLibraryName = "libocelli_armnn.so";

}  // namespace ocelli::arm_nn
