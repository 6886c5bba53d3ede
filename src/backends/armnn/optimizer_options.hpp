// ArmnnOptions as ARM NN's optimizer takes them.
#pragma once

#include <armnn/INetwork.hpp>

#include "backends/armnn/armnn_options.hpp"

namespace ocelli::arm_nn {

// Options that this release of ARM NN does not have have been refused by read_options(). May throw std::bad_alloc.
::armnn::OptimizerOptions optimizer_options(const ArmnnOptions& options);

}  // namespace ocelli::arm_nn
