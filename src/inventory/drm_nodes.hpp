// The render nodes of GPUs below /dev/dri.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "inventory/machine_files.hpp"

namespace ocelli::inventory {

// "/dev/dri/renderD128", ... of one PCI vendor's GPUs. A node whose vendor /sys does not tell belongs to nobody.
std::vector<std::string> drm_render_nodes(const MachineFiles& files, std::uint32_t vendor);

}  // namespace ocelli::inventory
