// What must be set up around NVIDIA's driver: libraries, the container toolkit, the environment.
#pragma once

#include <cstddef>
#include <vector>

#include "inventory/checks/nvidia_cards.hpp"
#include "inventory/checks/nvidia_libraries.hpp"
#include "inventory/finding.hpp"
#include "inventory/machine.hpp"

namespace ocelli::inventory {

// CUDA, cuDNN and TensorRT, as far as our ONNX Runtime's providers need them. Without TensorRT, CUDA is used: a
// warning.
void check_cuda_libraries(const Machine& machine, const NvidiaLibraries& libraries, Section& section);

// Whether Docker or Podman can hand GPUs to containers. Says nothing inside a container, on WSL2, or without either.
void check_container_toolkit(const Machine& machine, Section& section);

// CUDA_VISIBLE_DEVICES, by CUDA's own rules. nodes: how many nodes of cards there are; 0: unknown.
void check_visible_devices(const Machine& machine, const std::vector<NvidiaCard>& cards, std::size_t nodes,
                           Section& section);

// CUDA_VISIBLE_DEVICES, CUDA_CACHE_MAXSIZE, CUDA_CACHE_DISABLE, NVIDIA_DRIVER_CAPABILITIES. nodes as above.
void check_cuda_environment(const Machine& machine, const std::vector<NvidiaCard>& cards, std::size_t nodes,
                            Section& section);

}  // namespace ocelli::inventory
