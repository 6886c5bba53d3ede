#include <fmt/format.h>
#include <sys/resource.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <future>
#include <string>
#include <thread>
#include <utility>

#include "base/version.hpp"
#include "cli/command_line.hpp"
#include "cli/commands.hpp"
#include "cli/config_management.hpp"
#include "cli/exit_code.hpp"
#include "cli/option_page.hpp"
#include "cli/text_table.hpp"
#include "cli/validate.hpp"
#include "server/log_setup.hpp"
#include "server/repository_setup.hpp"
#include "server/server.hpp"
#include "server/signal_watch.hpp"

// There only in programs that are built with a leak sanitizer. It would look when the process exits, which leave()
// skips.
extern "C" __attribute__((weak)) void __lsan_do_leak_check();  // NOLINT(bugprone-reserved-identifier)

namespace ocelli::cli {
namespace {

int fail(const Status& status, int code) {
  fmt::print(stderr, "{}\n", status.message());
  return code;
}

int manage(const CommandLine& line) {
  const auto text = manage_config(line);
  if (!text.ok())
    return fail(text.status(), text.status().code() == StatusCode::kInvalidArgument ? kExitUsage : kExitFailure);
  fmt::print("{}", *text);
  return kExitOk;
}

// The second line is OVMS's for whatever is wrong with what is to be served; tools look for it.
void tell_no_models(const Log& log, const Status& status) {
  log.error("{}", status.message());
  log.error("Couldn't start model manager");
}

// Ten thousand idle connections need as many descriptors: take what the system allows.
void raise_open_files_limit() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

// Ends the process without the destructors of static objects: those of the vendors' libraries, which stay mapped, would
// run while threads of these libraries may still be on their way out.
[[noreturn]] void leave(int code) {
  std::fflush(nullptr);
  if (__lsan_do_leak_check) __lsan_do_leak_check();
  std::_Exit(code);
}

constexpr auto kLastLook = std::chrono::seconds(1);

// Loads on a thread of its own, so that a signal is heard meanwhile. Ends when a signal came or loading failed.
int run(server::Server& server, server::SignalWatch& signals, const Log& log) {
  std::atomic<bool> failed{false};
  std::promise<void> loaded;
  const auto load_ended = loaded.get_future();
  Status outcome;
  std::thread loader([&] {
    try {
      outcome = server.load_models();
    } catch (const std::exception& failure) {
      outcome = {StatusCode::kResourceExhausted, fmt::format("no memory or no thread to begin: {}", failure.what())};
    }
    failed = !outcome.ok();
    signals.notify();
    loaded.set_value();
  });
  signals.wait([&] { return failed.load(); });
  const bool start_failed = failed;  // stopping makes a load that is under way fail too, which is no failure of ours
  if (start_failed) {
    loader.join();
    tell_no_models(log, outcome);
  } else {
    log.info("Shutting down");
  }
  const bool ended = server.stop();
  // A load that was about to begin when the signal came sees only now that all is over.
  if (!ended || load_ended.wait_for(kLastLook) != std::future_status::ready) {
    // A runtime that is compiling cannot be interrupted, and a model may hang: nobody waits for that.
    log.warning("Ended with work unfinished");
    leave(start_failed ? kExitFailure : kExitOk);
  }
  if (loader.joinable()) loader.join();
  return start_failed ? kExitFailure : kExitOk;
}

int serve(const CommandLine& line) {
  raise_open_files_limit();
  server::SignalWatch signals;
  const auto made = server::make_log(line.server.log);
  if (!made.ok()) return fail(made.status(), kExitFailure);
  const Log* const log = &made->log;
  log->info("Ocelli {}, behaving as OpenVINO Model Server {}", kVersion, kModelServerRelease);
  if (const auto status = server::check_served(line.server); !status.ok()) {
    tell_no_models(*log, status);
    return kExitFailure;
  }
  auto opened = server::Server::open(line.server, *log, made->gate);
  if (!opened.ok()) {
    log->error("{}", opened.status().message());
    return kExitFailure;
  }
  auto server = std::move(opened).value();
  const int code = run(*server, signals, *log);
  server.reset();
  leave(code);
}

}  // namespace

int serve_command(Arguments arguments) {
  auto line = parse_command_line(arguments);
  if (!line.ok()) return fail(line.status(), kExitUsage);
  if (line->version) return version_command({});
  if (line->help || arguments.empty()) {
    fmt::print("{}", options_help(terminal_columns()));
    return kExitOk;
  }
  if (auto status = validate(*line, Machine::here()); !status.ok()) return fail(status, kExitUsage);
  if (line->list_models || line->add_to_config || line->remove_from_config) return manage(*line);
  return serve(*line);
}

}  // namespace ocelli::cli
