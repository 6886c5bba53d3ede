#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "devices/runtime_registry.hpp"
#include "runtime/backend_module.hpp"

namespace ocelli::cli {
namespace {

// One line of the list: a device, or a runtime that could not be loaded (device is then empty).
struct Row {
  std::string runtime;
  std::string version;
  DeviceInfo device;
};

std::vector<Row> list_devices() {
  devices::RuntimeRegistry registry(default_backend_folder(), Log());
  std::vector<Row> rows;
  for (const auto& state : registry.states()) {
    const auto runtime = registry.get(state.name);
    if (!runtime.ok()) {
      DeviceInfo none;
      none.usable = false;
      none.reason = runtime.status().message();
      rows.push_back({state.name, "", none});
      continue;
    }
    for (auto& device : (*runtime)->devices()) rows.push_back({state.name, (*runtime)->version(), std::move(device)});
  }
  return rows;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

void print_json(const std::vector<Row>& rows) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& row : rows) {
    list.push_back({{"runtime", row.runtime},
                    {"runtime_version", row.version},
                    {"name", row.device.name},
                    {"full_name", row.device.full_name},
                    {"kind", row.device.kind},
                    {"memory_bytes", row.device.memory_bytes},
                    {"precisions", row.device.precisions},
                    {"usable", row.device.usable},
                    {"reason", row.device.reason}});
  }
  fmt::print("{}\n", list.dump(2));
}

void print_table(const std::vector<Row>& rows) {
  std::size_t width = 0;
  for (const auto& row : rows) width = std::max(width, row.device.full_name.size());
  for (const auto& row : rows) {
    const auto& device = row.device;
    fmt::print("{:<12} {:<12} {:<{}} {}{}{}\n", device.name.empty() ? "-" : device.name, row.runtime, device.full_name,
               width, device.usable ? "usable" : "not usable: ", device.usable ? "  " : device.reason,
               device.usable ? joined(device.precisions) : "");
  }
}

}  // namespace

int devices_command(Arguments arguments) {
  const bool json = arguments.size() == 1 && arguments[0] == "--json";
  if (!arguments.empty() && !json) {
    fmt::print(stderr, "usage: ocelli devices [--json]\n");
    return arguments.size() == 1 && arguments[0] == "--help" ? kExitOk : kExitUsage;
  }
  const auto rows = list_devices();
  if (json) {
    print_json(rows);
  } else {
    print_table(rows);
  }
  return kExitOk;
}

}  // namespace ocelli::cli
