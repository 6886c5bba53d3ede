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

int help_command() {
  fmt::print("{}", options_help(terminal_columns()));
  return kExitOk;
}

// OVMS prints these lines and scripts look for them; the third says what this program is.
int version_command() {
  const auto backend = load_backend(default_backend_folder(), "openvino", {});
  fmt::print("OpenVINO Model Server {}\n", kModelServerRelease);
  fmt::print("OpenVINO backend {}\n", backend.ok() ? (*backend)->version() : "not available");
  fmt::print("Ocelli {} (behaves as the OpenVINO Model Server release above)\n", kVersion);
  return kExitOk;
}

int options_command(Arguments arguments) {
  if (arguments.empty()) return help_command();
  if (arguments.size() == 1 && arguments[0] == "--json") {
    fmt::print("{}", options_json());
  } else if (arguments.size() == 1 && arguments[0] == "--markdown") {
    fmt::print("{}", options_markdown());
  } else if (arguments.size() == 1 && arguments[0] == "--config-schema") {
    fmt::print("{}", config_schema());
  } else if (arguments.size() == 1 && arguments[0] == "--config-markdown") {
    fmt::print("{}", config_markdown());
  } else {
    fmt::print(stderr, "usage: ocelli options [--json | --markdown | --config-schema | --config-markdown]\n");
    return kExitUsage;
  }
  return kExitOk;
}

struct Command {
  std::string_view name;
  int (*run)(Arguments);
};

constexpr std::array kCommands{
    Command{"serve", serve_command},
    Command{"model", serve_command},  // OpenVINO's page about MULTI has this word in front of the options
    Command{"bench", bench_command},
    Command{"devices", devices_command},
    Command{"doctor", doctor_command},
    Command{"options", options_command},
    Command{"version", [](Arguments) { return version_command(); }},
    Command{"help", [](Arguments) { return help_command(); }},
};

int unknown_command(const std::string& name) {
  std::string names;
  for (const auto& command : kCommands) names += fmt::format(" {}", command.name);
  fmt::print(stderr, "unknown command '{}'; commands:{}\n", name, names);
  return kExitUsage;
}

int dispatch(Arguments arguments) {
  if (arguments.empty()) return help_command();
  const auto& first = arguments[0];
  if (first == "--help" || first == "-h") return help_command();
  if (first == "--version") return version_command();
  if (first.starts_with("-")) return serve_command(arguments);
  for (const auto& command : kCommands) {
    if (command.name != first) continue;
    const auto rest = arguments.subspan(1);
    const bool asks_help = std::find(rest.begin(), rest.end(), "--help") != rest.end();
    if (command.name == "serve" && (asks_help || rest.empty())) return help_command();
    return command.run(rest);
  }
  return unknown_command(first);
}

}  // namespace

int run_program(std::span<const std::string> arguments) {
  fill_standard_streams();
  // A file that has reached the limit of `ulimit -f` fails its write with EFBIG, as a full disk does with ENOSPC.
  ::signal(SIGXFSZ, SIG_IGN);
  try {
    return dispatch(arguments);
  } catch (const std::system_error& failure) {
    const bool threads = failure.code() == std::errc::resource_unavailable_try_again;
    return fail(fmt::format("ocelli failed: {}{}\n", failure.what(), threads ? kThreadsAreLimited : ""));
  } catch (const std::exception& failure) {
    return fail(fmt::format("ocelli failed: {}\n", failure.what()));
  }
}

}  // namespace ocelli::cli
