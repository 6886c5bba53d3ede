#include "server/log_setup.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace ocelli::server {
namespace {

LogLevel level_of(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, LogLevel>, 5> kLevels{{{"TRACE", LogLevel::kTrace},
                                                                          {"DEBUG", LogLevel::kDebug},
                                                                          {"INFO", LogLevel::kInfo},
                                                                          {"WARNING", LogLevel::kWarning},
                                                                          {"ERROR", LogLevel::kError}}};
  for (const auto& [text, level] : kLevels) {
    if (text == name) return level;
  }
  return LogLevel::kInfo;
}

}  // namespace

Result<ServerLog> make_log(const LogOptions& options) {
  std::string error;
  auto sink = make_console_log_sink(LogLevel::kTrace, options.path, &error);
  if (!sink) return invalid_argument(fmt::format("log_path {} cannot be opened: {}", options.path, error));
  auto gate = std::make_shared<LogGate>(std::move(sink), LogSettings::from(level_of(options.level)), options.path);
  return ServerLog{Log(gate, "serving"), gate};
}

}  // namespace ocelli::server
