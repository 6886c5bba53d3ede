#include <fmt/format.h>

#include <cstdio>
#include <string>

#include "cli/command_line.hpp"
#include "cli/commands.hpp"
#include "cli/config_management.hpp"
#include "cli/exit_code.hpp"
#include "cli/program.hpp"
#include "cli/validate.hpp"

namespace ocelli::cli {
namespace {

int fail(const Status& status, int code) {
  fmt::print(stderr, "{}\n", status.message());
  return code;
}

int manage(const CommandLine& line) {
  const auto text = manage_config(line);
  if (!text.ok()) return fail(text.status(), kExitFailure);
  fmt::print("{}", *text);
  return kExitOk;
}

}  // namespace

int serve_command(Arguments arguments) {
  auto line = parse_command_line(arguments);
  if (!line.ok()) return fail(line.status(), kExitUsage);
  // These two may also stand behind other options.
  if (line->help || line->version) {
    const std::string only = line->help ? "--help" : "--version";
    return run_program({&only, 1});
  }
  if (auto status = validate(*line, Machine::here()); !status.ok()) return fail(status, kExitUsage);
  if (line->list_models || line->add_to_config || line->remove_from_config) return manage(*line);
  return fail(unimplemented("serving is not part of this build"), kExitFailure);
}

}  // namespace ocelli::cli
