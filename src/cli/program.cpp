#include "cli/program.hpp"

#include <fmt/format.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): POSIX signals

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <system_error>

#include "base/version.hpp"
#include "cli/commands.hpp"
#include "cli/config_page.hpp"
#include "cli/exit_code.hpp"
#include "cli/option_page.hpp"
#include "cli/standard_streams.hpp"
#include "cli/text_table.hpp"
#include "runtime/backend_module.hpp"

namespace ocelli::cli {
namespace {

constexpr const char* kThreadsAreLimited =
    "; the number of threads is limited too tightly (ulimit -u, or pids of a container)";

// Unlike fmt::print(), which throws where nothing can be written.
int fail(const std::string& text) noexcept {
  std::fputs(text.c_str(), stderr);
  return kExitFailure;
}

constexpr std::string_view kOptionsUsage =
    "usage: ocelli options [--json | --markdown | --config-schema | --config-markdown]\n\n"
    "Prints the options of `ocelli serve` and `ocelli bench`, or the keys of config.json.\n\n"
    "  (nothing)           as --help prints them\n"
    "  --json              as a JSON array\n"
    "  --markdown          as docs/reference/options.md\n"
    "  --config-schema     JSON Schema (draft 2020-12) of config.json and mapping_config.json\n"
    "  --config-markdown   the tables of docs/reference/config.md\n";
constexpr std::string_view kVersionUsage =
    "usage: ocelli version\n\n"
    "Prints the OpenVINO Model Server release that this program behaves as, the version of OpenVINO that it found, and "
    "its own.\n";
constexpr std::string_view kHelpUsage =
    "usage: ocelli help [COMMAND]\n\n"
    "Prints what `ocelli COMMAND --help` prints; without a command, the options of `ocelli serve`.\n";

bool asks_help(Arguments arguments) {
  return arguments.size() == 1 && (arguments[0] == "--help" || arguments[0] == "-h");
}

int show(std::string_view text) {
  fmt::print("{}", text);
  return kExitOk;
}

// OVMS's text for arguments that mean nothing.
int unmatched(Arguments arguments) {
  std::string text = "error parsing options - unmatched arguments: ";
  for (const auto& argument : arguments) text += argument + ", ";
  fmt::print(stderr, "{}\n", text);
  return kExitUsage;
}

int options_command(Arguments arguments) {
  if (arguments.empty()) return show(options_help(terminal_columns()));
  if (asks_help(arguments)) return show(kOptionsUsage);
  const auto& what = arguments[0];
  if (arguments.size() == 1 && what == "--json") return show(options_json());
  if (arguments.size() == 1 && what == "--markdown") return show(options_markdown());
  if (arguments.size() == 1 && what == "--config-schema") return show(config_schema());
  if (arguments.size() == 1 && what == "--config-markdown") return show(config_markdown());
  fmt::print(stderr, "{}", kOptionsUsage);
  return kExitUsage;
}

int help_command(Arguments arguments);

struct Command {
  std::string_view name;
  int (*run)(Arguments);
};

constexpr std::array kCommands{
    Command{"serve", serve_command},
    // OpenVINO's page about MULTI has this word in front of the options.
    Command{"model", serve_command},
    Command{"bench", bench_command},
    Command{"devices", devices_command},
    Command{"doctor", doctor_command},
    Command{"options", options_command},
    Command{"version", version_command},
    Command{"help", help_command},
};

const Command* find_command(std::string_view name) {
  const auto* const found = std::ranges::find(kCommands, name, &Command::name);
  return found == kCommands.end() ? nullptr : found;
}

int unknown_command(const std::string& name) {
  std::string names;
  for (const auto& command : kCommands) names += fmt::format(" {}", command.name);
  fmt::print(stderr, "unknown command '{}'; commands:{}\n", name, names);
  return kExitUsage;
}

int help_command(Arguments arguments) {
  if (arguments.empty()) return show(options_help(terminal_columns()));
  if (asks_help(arguments)) return show(kHelpUsage);
  if (arguments.size() > 1) return unmatched(arguments.subspan(1));
  const auto* const command = find_command(arguments[0]);
  const std::string help = "--help";
  return command ? command->run({&help, 1}) : unknown_command(arguments[0]);
}

// What was printed may not have left the buffer: on a full disk it never does.
int flushed(int code) noexcept {
  if (std::fflush(stdout) == 0 || code != kExitOk) return code;
  return fail("ocelli failed: the output cannot be written\n");
}

int dispatch(Arguments arguments, std::string_view program) {
  if (arguments.empty()) return help_command(arguments);
  const auto& first = arguments[0];
  if (const auto* const command = find_command(first)) return flushed(command->run(arguments.subspan(1)));
  // A script that was written for OVMS gets its words for an argument that means nothing.
  if (first.starts_with("-") || program == "ovms") return flushed(serve_command(arguments));
  return unknown_command(first);
}

}  // namespace

// OVMS prints the first two lines and scripts look for them; the third says what this program is.
int version_command(Arguments arguments) {
  if (asks_help(arguments)) return show(kVersionUsage);
  if (!arguments.empty()) return unmatched(arguments);
  const auto backend = load_backend(default_backend_folder(), "openvino", {});
  fmt::print("OpenVINO Model Server {}\n", kModelServerRelease);
  fmt::print("OpenVINO backend {}\n", backend.ok() ? (*backend)->version() : "not available");
  fmt::print("Ocelli {} (behaves as the OpenVINO Model Server release above)\n", kVersion);
  return kExitOk;
}

int run_program(std::span<const std::string> arguments, std::string_view program) {
  fill_standard_streams();
  // A file that has reached the limit of `ulimit -f` fails its write with EFBIG, as a full disk does with ENOSPC.
  ::signal(SIGXFSZ, SIG_IGN);
  try {
    return dispatch(arguments, program);
  } catch (const std::system_error& failure) {
    const bool threads = failure.code() == std::errc::resource_unavailable_try_again;
    return fail(fmt::format("ocelli failed: {}{}\n", failure.what(), threads ? kThreadsAreLimited : ""));
  } catch (const std::exception& failure) {
    return fail(fmt::format("ocelli failed: {}\n", failure.what()));
  }
}

}  // namespace ocelli::cli
