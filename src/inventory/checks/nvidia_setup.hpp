// What must be set up around NVIDIA's driver: libraries, the container toolkit, the environment.
#pragma once

#include <cstddef>

#include "inventory/checks/nvidia_libraries.hpp"
#include "inventory/finding.hpp"
#include "inventory/machine.hpp"

namespace ocelli::inventory {

// CUDA, cuDNN and TensorRT, as far as our ONNX Runtime's providers need them. Without TensorRT, CUDA is used: a
// warning.
void check_cuda_libraries(const NvidiaLibraries& libraries, Section& section);

// Whether Docker or Podman can hand GPUs to containers. Says nothing inside a container, on WSL2, or without either.
void check_container_toolkit(const Machine& machine, Section& section);

// CUDA_VISIBLE_DEVICES, CUDA_CACHE_MAXSIZE, CUDA_CACHE_DISABLE, NVIDIA_DRIVER_CAPABILITIES. cards: how many nodes of
// cards there are; 0: unknown.
void check_cuda_environment(const Machine& machine, std::size_t cards, Section& section);

}  // namespace ocelli::inventory
