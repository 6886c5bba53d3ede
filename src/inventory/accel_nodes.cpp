#include "inventory/accel_nodes.hpp"

#include <fmt/format.h>

#include "inventory/text_parts.hpp"

namespace ocelli::inventory {

std::vector<AccelNode> accel_nodes(const MachineFiles& files) {
  std::vector<AccelNode> nodes;
  for (const auto& name : files.names("/dev/accel")) {
    if (!name.starts_with("accel") || !files.is_device("/dev/accel/" + name)) continue;
    const std::string device = fmt::format("/sys/class/accel/{}/device", name);
    const auto vendor = number(files.line(device + "/vendor"), 16).value_or(0);
    nodes.push_back({"/dev/accel/" + name, files.link_name(device + "/driver"), static_cast<std::uint32_t>(vendor),
                     files.exists(device)});
  }
  return nodes;
}

}  // namespace ocelli::inventory
