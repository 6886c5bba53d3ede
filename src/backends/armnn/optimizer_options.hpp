// ArmnnOptions as ARM NN's optimizer takes them.
#pragma once

#include <armnn/BackendOptions.hpp>
#include <armnn/INetwork.hpp>

#include "backends/armnn/armnn_options.hpp"

namespace ocelli::arm_nn {

// Options that this release of ARM NN does not have have been refused by read_options(). May throw std::bad_alloc.
::armnn::OptimizerOptions optimizer_options(const ArmnnOptions& options);

// What is given with each model, in a release that takes it: fast math, threads, the cached network. Part of
// optimizer_options().
::armnn::BackendOptions model_options(const ArmnnOptions& options);

// What is given when a runtime is made, so that it is one of its own: how the kernels of GpuAcc are tuned.
::armnn::BackendOptions tuning_options(const ArmnnOptions& options);

}  // namespace ocelli::arm_nn
