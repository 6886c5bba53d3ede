#include "inventory/drm_nodes.hpp"

#include <fmt/format.h>

#include "inventory/text_parts.hpp"

namespace ocelli::inventory {

std::vector<std::string> drm_render_nodes(const MachineFiles& files, std::uint32_t vendor) {
  std::vector<std::string> nodes;
  for (const auto& name : files.names("/dev/dri")) {
    if (!name.starts_with("renderD") || !files.is_device("/dev/dri/" + name)) continue;
    const auto id = number(files.line(fmt::format("/sys/class/drm/{}/device/vendor", name)), 16);
    if (id == vendor) nodes.push_back("/dev/dri/" + name);
  }
  return nodes;
}

}  // namespace ocelli::inventory
