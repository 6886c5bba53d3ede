#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/machine_setup.hpp"
#include "cli/text_table.hpp"
#include "inventory/doctor.hpp"

namespace ocelli::cli {
namespace {

using inventory::Report;
using inventory::Scope;
using inventory::Verdict;

constexpr const char* kUsage =
    "usage: ocelli doctor [--for LIST] [--user NAME] [--root DIR] [--openvino_legacy_dir DIR] [--json]\n"
    "  --for LIST   what it is for: immich, model-server, face; devices that must be there: GPU, NVIDIA, MALI, MYRIAD, "
    "...\n"
    "  --user NAME  as whom the server will run (default: you)\n"
    "  --root DIR   looks at another machine's files below DIR instead of at this machine\n"
    "  --openvino_legacy_dir DIR  the older OpenVINO to look into (default: OPENVINO_LEGACY_DIR)\n"
    "  --json       machine-readable; the schema is in docs/doctor.md\n"
    "Exit code: 0 no problem, 1 a problem, 64 wrong arguments.\n";

struct Wishes {
  std::string scope;
  std::string user;
  std::string root = "/";
  std::string openvino_legacy_dir;
  bool is_json = false;
  bool asks_help = false;
};

Result<Wishes> read_arguments(Arguments arguments) {
  Wishes wishes;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto equals = arguments[i].find('=');
    const auto name = arguments[i].substr(0, equals);
    if (name == "--help" || name == "-h") wishes.asks_help = true;
    if (name == "--json") wishes.is_json = true;
    if (name == "--help" || name == "-h" || name == "--json") continue;
    std::string* value = name == "--for"                   ? &wishes.scope
                         : name == "--user"                ? &wishes.user
                         : name == "--root"                ? &wishes.root
                         : name == "--openvino_legacy_dir" ? &wishes.openvino_legacy_dir
                                                           : nullptr;
    if (!value) return invalid_argument(fmt::format("ocelli doctor does not know \"{}\"", arguments[i]));
    if (equals != std::string::npos) {
      *value = arguments[i].substr(equals + 1);
    } else if (i + 1 < arguments.size()) {
      *value = arguments[++i];
    }
    if (value->empty() || value->starts_with("--")) return invalid_argument(fmt::format("{} needs a value", name));
  }
  return wishes;
}

void print_json(const Report& report, const Wishes& wishes, const inventory::Machine& machine) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& finding : report.findings) {
    list.push_back({{"id", finding.id()},
                    {"area", inventory::area_title(finding.area)},
                    {"status", inventory::verdict_name(finding.verdict)},
                    {"found", finding.found},
                    {"remedy", finding.remedy}});
  }
  const nlohmann::ordered_json page{{"schema", "ocelli.doctor/1"},
                                    {"root", machine.files.root().string()},
                                    {"for", wishes.scope},
                                    {"user", machine.process.user.name},
                                    {"container", machine.is_container},
                                    {"ok", report.count(Verdict::kOk)},
                                    {"absent", report.count(Verdict::kAbsent)},
                                    {"warnings", report.count(Verdict::kWarning)},
                                    {"problems", report.count(Verdict::kProblem)},
                                    {"checks", list}};
  fmt::print("{}\n", page.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

std::string state_word(Verdict verdict) {
  return verdict == Verdict::kAbsent ? "-" : std::string(inventory::verdict_name(verdict));
}

void print_table(const Report& report) {
  const bool is_coloured = may_colour();
  std::vector<TableRow> rows;
  std::string_view last_area;
  for (const auto& finding : report.findings) {
    const auto area = inventory::area_title(finding.area);
    TableRow row{
        {area == last_area ? "" : std::string(area), finding.check, state_word(finding.verdict), finding.found}};
    const bool needs_doing = finding.verdict == Verdict::kWarning || finding.verdict == Verdict::kProblem;
    if (needs_doing && !finding.remedy.empty()) row.notes.push_back("-> " + finding.remedy);
    row.styled_cell = 2;
    if (is_coloured) row.style = colour_of(finding.verdict);
    rows.push_back(std::move(row));
    last_area = area;
  }
  fmt::print("{}", text_table({"AREA", "CHECK", "STATE", "FOUND"}, rows, terminal_columns(), 3));
  const auto count = [&](Verdict verdict, std::string_view word) {
    const auto number = report.count(verdict);
    return fmt::format("{} {}{}", number, word, number == 1 ? "" : "s");
  };
  fmt::print("\n{}, {}\n", count(Verdict::kProblem, "problem"), count(Verdict::kWarning, "warning"));
}

}  // namespace

int doctor_command(Arguments arguments) {
  const auto wishes = read_arguments(arguments);
  if (!wishes.ok() || wishes->asks_help) {
    if (!wishes.ok()) fmt::print(stderr, "{}\n", wishes.status().message());
    fmt::print(wishes.ok() ? stdout : stderr, "{}", kUsage);
    return wishes.ok() ? kExitOk : kExitUsage;
  }
  auto scope = wishes->scope.empty() ? Result<Scope>(Scope::all()) : inventory::parse_scope(wishes->scope);
  if (!scope.ok()) {
    fmt::print(stderr, "{}\n", scope.status().message());
    return kExitUsage;
  }
  // The runtimes of this process say nothing about another machine's files.
  inventory::Findings runtimes;
  const auto registry = installed_runtimes(wishes->openvino_legacy_dir);
  if (inventory::MachineFiles(wishes->root).is_live()) runtimes = load_runtimes(*registry);
  const auto machine = machine_at(wishes->root, wishes->user);
  if (!machine.ok()) {
    fmt::print(stderr, "{}\n", machine.status().message());
    return kExitUsage;
  }
  if (!wishes->openvino_legacy_dir.empty())
    (*machine)->process.environment["OPENVINO_LEGACY_DIR"] =
        std::filesystem::absolute(wishes->openvino_legacy_dir).lexically_normal();
  const auto report = inventory::examine(**machine, *scope, runtimes);
  if (wishes->is_json) {
    print_json(report, *wishes, **machine);
  } else {
    print_table(report);
  }
  return report.is_healthy() ? kExitOk : kExitFailure;
}

}  // namespace ocelli::cli
