#include "base/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <vector>

namespace ocelli {
namespace {

constexpr const char* kPattern = "[%Y-%m-%d %H:%M:%S.%e][%P][%n][%l][%s:%#] %v";

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace:
      return spdlog::level::trace;
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

class ConsoleLogSink final : public LogSink {
 public:
  ConsoleLogSink(LogLevel level, std::vector<spdlog::sink_ptr> sinks) : level_(level), sinks_(std::move(sinks)) {
    for (auto& sink : sinks_) sink->set_pattern(kPattern);
  }

  LogLevel level() const noexcept override { return level_; }

  void write(LogLevel level, std::string_view channel, const std::source_location& where,
             std::string_view text) noexcept override {
    try {
      const spdlog::source_loc location(where.file_name(), static_cast<int>(where.line()), where.function_name());
      const spdlog::details::log_msg message(location, {channel.data(), channel.size()}, spdlog_level(level),
                                             {text.data(), text.size()});
      for (auto& sink : sinks_) {
        sink->log(message);
        sink->flush();
      }
    } catch (...) {  // a full disk must not stop the server; there is nowhere left to report it
    }
  }

 private:
  LogLevel level_;
  std::vector<spdlog::sink_ptr> sinks_;
};

class NullLogSink final : public LogSink {
 public:
  LogLevel level() const noexcept override { return static_cast<LogLevel>(static_cast<int>(LogLevel::kError) + 1); }
  void write(LogLevel, std::string_view, const std::source_location&, std::string_view) noexcept override {}
};

}  // namespace

std::shared_ptr<LogSink> make_console_log_sink(LogLevel level, const std::string& path, std::string* error) {
  try {
    std::vector<spdlog::sink_ptr> sinks{std::make_shared<spdlog::sinks::stdout_sink_mt>()};
    if (!path.empty()) sinks.push_back(std::make_shared<spdlog::sinks::basic_file_sink_mt>(path));
    return std::make_shared<ConsoleLogSink>(level, std::move(sinks));
  } catch (const std::exception& failure) {
    if (error) *error = failure.what();
    return nullptr;
  }
}

std::shared_ptr<LogSink> make_null_log_sink() { return std::make_shared<NullLogSink>(); }

}  // namespace ocelli
