// The device nodes of NVIDIA's driver, and whether the user may open them.
#pragma once

#include <string>
#include <vector>

#include "inventory/finding.hpp"
#include "inventory/machine.hpp"

namespace ocelli::inventory {

// /dev/nvidia0 and so on: one for each card that this machine, or this container, may use.
std::vector<std::string> nvidia_card_nodes(const MachineFiles& files);

// Those of cards: /dev/nvidia*, /dev/nvidiactl, /dev/nvidia-uvm.
void check_nvidia_nodes(const Machine& machine, Section& section);

// Those of a Jetson, which belong to the group video: /dev/nvmap and the GPU's.
void check_jetson_nodes(const Machine& machine, Section& section);

}  // namespace ocelli::inventory
