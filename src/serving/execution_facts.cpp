#include "serving/execution_facts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace ocelli::serving {

std::vector<std::pair<std::string, std::string>> execution_facts(const std::vector<DeviceReport>& devices) {
  std::vector<std::pair<std::string, std::string>> facts;
  for (std::size_t position = 0; position < devices.size(); ++position) {
    const auto& report = devices[position];
    const auto& info = report.info;
    const auto put = [&](std::string_view key, std::string_view value) {
      if (!value.empty()) facts.emplace_back(fmt::format("execution.{}.{}", position, key), value);
    };
    put("target", report.target);
    put("state", device_state_name(report.state));
    put("reason", report.reason);
    put("device", info.device);
    put("device_name", info.device_name);
    put("runtime", info.runtime);
    put("runtime_version", info.runtime_version);
    put("precision", info.precision);
    put("note", info.note);
    if (info.memory_bytes > 0) {
      put("memory_bytes", std::to_string(info.memory_bytes));
      put("memory_estimated", info.memory_estimated ? "true" : "false");
    }
  }
  return facts;
}

bool planned_for_cpu_alone(const std::vector<DeviceReport>& devices) {
  return std::ranges::all_of(devices, [](const DeviceReport& report) { return report.target.starts_with("CPU"); });
}

}  // namespace ocelli::serving
