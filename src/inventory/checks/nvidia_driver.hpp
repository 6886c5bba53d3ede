// NVIDIA's kernel driver: which is there, whether it is new enough, how it is installed.
#pragma once

#include <string>
#include <vector>

#include "inventory/checks/nvidia_cards.hpp"
#include "inventory/finding.hpp"
#include "inventory/machine.hpp"

namespace ocelli::inventory {

// "580.65.06"; empty when no driver is loaded.
std::string nvidia_driver_version(const MachineFiles& files);

// The command that installs a driver for these cards on this distribution, or JetPack on a Jetson.
std::string install_nvidia_driver(const Machine& machine, const std::vector<NvidiaCard>& cards);

// The loaded driver against what this major version of CUDA needs; version as nvidia_driver_version() gives it. A
// driver that is not loaded is a problem, but on a Jetson and under WSL2, where there is none of its own.
void check_nvidia_driver(const Machine& machine, const std::vector<NvidiaCard>& cards, const std::string& version,
                         std::uint32_t cuda, Section& section);

}  // namespace ocelli::inventory
