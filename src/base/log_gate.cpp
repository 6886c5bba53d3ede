#include "base/log_gate.hpp"

namespace ocelli {
namespace {

bool passes(const LogSettings& settings, LogLevel level) noexcept {
  switch (level) {
    case LogLevel::kTrace:
      return settings.verbose >= 2;
    case LogLevel::kDebug:
      return settings.verbose >= 1;
    case LogLevel::kInfo:
      return settings.info;
    case LogLevel::kWarning:
      return settings.warning;
    case LogLevel::kError:
      return settings.error;
  }
  return true;
}

}  // namespace

LogSettings LogSettings::from(LogLevel level) noexcept {
  const std::uint32_t verbose = level == LogLevel::kTrace ? 2 : level == LogLevel::kDebug ? 1 : 0;
  return {level <= LogLevel::kInfo, level <= LogLevel::kWarning, true, verbose};
}

LogLevel LogGate::level() const noexcept {
  const LogSettings now = settings();
  int lowest = static_cast<int>(LogLevel::kTrace);
  while (lowest <= static_cast<int>(LogLevel::kError) && !passes(now, static_cast<LogLevel>(lowest))) ++lowest;
  return static_cast<LogLevel>(lowest);
}

void LogGate::write(LogLevel level, std::string_view channel, const std::source_location& where,
                    std::string_view text) noexcept {
  if (passes(settings(), level)) sink_->write(level, channel, where, text);
}

}  // namespace ocelli
