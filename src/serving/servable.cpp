#include "serving/servable.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ocelli::serving {
namespace {

// "OpenVINO (worker process)" is OpenVINO to a client.
std::string_view plain_name(std::string_view runtime) { return runtime.substr(0, runtime.find(" (")); }

// Appends the runtimes of the reports that `counts` chooses, each once, in the plan's order.
template <typename Counts>
void append_runtimes(std::string& names, const std::vector<DeviceReport>& reports, Counts counts) {
  std::vector<std::string_view> seen;
  for (const auto& report : reports) {
    const auto name = plain_name(report.info.runtime);
    if (name.empty() || !counts(report) || std::find(seen.begin(), seen.end(), name) != seen.end()) continue;
    names.append(seen.empty() ? "" : ", ").append(name);
    seen.push_back(name);
  }
}

}  // namespace

std::string ServableMetadata::computing_platform() const {
  const auto reports = device_reports();
  std::string names;
  append_runtimes(names, reports, [](const auto& report) { return report.state == DeviceState::kServing; });
  if (names.empty()) append_runtimes(names, reports, [](const auto&) { return true; });
  return names.empty() ? platform : names;
}

Status ServableMetadata::device_status() const {
  const auto reports = device_reports();
  std::string reasons;
  for (const auto& report : reports) {
    // One that is being tried again is as lost as before.
    const bool out = report.state == DeviceState::kLost || report.state == DeviceState::kFailed ||
                     (report.state == DeviceState::kCompiling && report.attempts > 0);
    if (!out) return {};
    reasons += fmt::format("{}{}: {}", reasons.empty() ? "" : "; ", report.target, report.reason);
  }
  if (reports.empty()) return {};
  return unavailable(fmt::format("Model {} has no device to run on: {}", name, reasons));
}

}  // namespace ocelli::serving
