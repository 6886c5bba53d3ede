#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/machine_setup.hpp"
#include "cli/text_table.hpp"
#include "inventory/device_list.hpp"
#include "inventory/size_text.hpp"

namespace ocelli::cli {
namespace {

using inventory::DeviceEntry;
using inventory::DeviceState;

constexpr const char* kUsage =
    "usage: ocelli devices [--all] [--json]\n"
    "  --all   also devices that this machine does not have, with what they would need\n"
    "  --json  machine-readable; the schema is in docs/doctor.md\n";

const char* memory_kind(const DeviceEntry& entry) {
  if (entry.info.memory_bytes == 0) return "unknown";
  return entry.shares_host_memory ? "host" : "device";
}

void print_json(const std::vector<DeviceEntry>& entries) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& entry : entries) {
    const auto& info = entry.info;
    list.push_back({{"name", entry.target},
                    {"runtime", entry.runtime},
                    {"runtime_version", entry.runtime_version},
                    {"full_name", info.full_name},
                    {"kind", info.kind},
                    {"driver", info.driver},
                    {"memory_bytes", info.memory_bytes},
                    {"memory", memory_kind(entry)},
                    {"precisions", info.precisions},
                    {"formats", entry.formats},
                    {"state", inventory::device_state_name(entry.state)},
                    {"usable", entry.state == DeviceState::kUsable},
                    {"reason", info.reason},
                    {"remedy", info.remedy}});
  }
  const nlohmann::ordered_json page{{"schema", "ocelli.devices/1"}, {"devices", list}};
  fmt::print("{}\n", page.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

// "2026.4.1" of "2026.4.1-22982-e213a147257-releases/2026/4".
std::string short_version(const std::string& version) { return version.substr(0, version.find('-')); }

// "IR" for "OpenVINO IR", so that a row fits a terminal.
std::string short_format(const std::string& name) {
  if (name == "OpenVINO IR") return "IR";
  if (name == "PaddlePaddle") return "Paddle";
  if (name == "TensorFlow") return "TF";
  if (name == "TensorFlow Lite") return "TFLite";
  return name;
}

TableRow row_of(const DeviceEntry& entry) {
  const auto& info = entry.info;
  const auto or_dash = [](const std::string& text) { return text.empty() ? std::string("-") : text; };
  std::string formats;
  for (const auto& format : entry.formats) formats += (formats.empty() ? "" : " ") + short_format(format);
  TableRow row;
  row.cells = {or_dash(entry.target),
               entry.state == DeviceState::kUsable   ? "usable"
               : entry.state == DeviceState::kAbsent ? "absent"
                                                     : "not usable",
               or_dash(entry.runtime_version.empty() ? entry.runtime
                                                     : entry.runtime + " " + short_version(entry.runtime_version)),
               or_dash(info.full_name),
               or_dash(info.driver),
               info.memory_bytes == 0 ? "-" : inventory::size_text(info.memory_bytes),
               or_dash(fmt::format("{}", fmt::join(info.precisions, " "))),
               or_dash(formats)};
  if (entry.state == DeviceState::kUsable) return row;
  if (!info.reason.empty()) row.notes.push_back("why: " + info.reason);
  // What is not there cannot be repaired, only looked for.
  const char* label = entry.state == DeviceState::kAbsent ? "see: " : "try: ";
  if (!info.remedy.empty()) row.notes.push_back(label + info.remedy);
  return row;
}

void print_table(const std::vector<DeviceEntry>& entries) {
  const bool is_coloured = may_colour();
  std::vector<TableRow> rows;
  for (const auto& entry : entries) {
    auto row = row_of(entry);
    row.styled_cell = 1;
    if (is_coloured) row.style = colour_of(entry.state);
    rows.push_back(std::move(row));
  }
  fmt::print("{}", text_table({"DEVICE", "STATE", "RUNTIME", "NAME", "DRIVER", "MEMORY", "PRECISIONS", "MODEL FILES"},
                              rows, terminal_columns(), 1));
}

}  // namespace

int devices_command(Arguments arguments) {
  bool is_json = false;
  auto filter = inventory::DeviceFilter::kPresent;
  for (const auto& argument : arguments) {
    if (argument == "--json") {
      is_json = true;
    } else if (argument == "--all") {
      filter = inventory::DeviceFilter::kAll;
    } else {
      const bool asks_help = argument == "--help" || argument == "-h";
      fmt::print(asks_help ? stdout : stderr, "{}{}",
                 asks_help ? "" : fmt::format("ocelli devices does not know \"{}\"\n", argument), kUsage);
      return asks_help ? kExitOk : kExitUsage;
    }
  }
  const auto registry = installed_runtimes();
  load_runtimes(*registry);
  const auto machine = this_machine();
  const auto entries = inventory::list_devices(*registry, *machine, filter);
  if (is_json) {
    print_json(entries);
  } else {
    print_table(entries);
  }
  return kExitOk;
}

}  // namespace ocelli::cli
