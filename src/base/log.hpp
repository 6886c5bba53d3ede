// Log: a named channel into a shared sink. There is no global logger: whoever composes the program hands a Log down.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <source_location>
#include <string>
#include <string_view>

namespace ocelli {

// How much a line matters, ascending.
enum class LogLevel : int { kTrace, kDebug, kInfo, kWarning, kError };

// Where lines go. Implementations are thread-safe.
class LogSink {
 public:
  virtual ~LogSink() = default;
  // Lines below this level are not formatted at all.
  [[nodiscard]] virtual LogLevel level() const noexcept = 0;
  virtual void write(LogLevel level, std::string_view channel, const std::source_location& where,
                     std::string_view text) noexcept = 0;
};

// Writes "[YYYY-MM-DD HH:MM:SS.mmm][pid][channel][level][file.cpp:line] text" to standard output and the file at path,
// if not empty; a file that fails is reported on standard output, where lines that nobody reads are dropped (see
// LineWriter). Returns null and fills *error when it cannot be opened.
std::shared_ptr<LogSink> make_console_log_sink(LogLevel level, const std::string& path, std::string* error);

// Drops everything; for tests and tools.
std::shared_ptr<LogSink> make_null_log_sink();

// A format string that is checked at compile time and remembers where it was written.
template <typename... Args>
struct LocatedFormat {
  template <typename Text>
  consteval LocatedFormat(const Text& text, std::source_location where =
                                                std::source_location::current())  // NOLINT(google-explicit-constructor)
      : format(text), location(where) {}
  fmt::format_string<Args...> format;
  std::source_location location;
};

// Copyable value, cheap to copy; all members are thread-safe. Example: log.info("loaded {} in {} ms", name, ms);
class Log {
 public:
  Log() : Log(make_null_log_sink(), "ocelli") {}
  Log(std::shared_ptr<LogSink> sink, std::string channel) : sink_(std::move(sink)), channel_(std::move(channel)) {}

  // The same sink under another channel name.
  [[nodiscard]] Log channel(std::string name) const { return {sink_, std::move(name)}; }
  [[nodiscard]] bool enabled(LogLevel level) const noexcept { return level >= sink_->level(); }

  template <typename... Args>
  void trace(LocatedFormat<std::type_identity_t<Args>...> text, Args&&... args) const {
    put(LogLevel::kTrace, text, std::forward<Args>(args)...);
  }
  template <typename... Args>
  void debug(LocatedFormat<std::type_identity_t<Args>...> text, Args&&... args) const {
    put(LogLevel::kDebug, text, std::forward<Args>(args)...);
  }
  template <typename... Args>
  void info(LocatedFormat<std::type_identity_t<Args>...> text, Args&&... args) const {
    put(LogLevel::kInfo, text, std::forward<Args>(args)...);
  }
  template <typename... Args>
  void warning(LocatedFormat<std::type_identity_t<Args>...> text, Args&&... args) const {
    put(LogLevel::kWarning, text, std::forward<Args>(args)...);
  }
  template <typename... Args>
  void error(LocatedFormat<std::type_identity_t<Args>...> text, Args&&... args) const {
    put(LogLevel::kError, text, std::forward<Args>(args)...);
  }

 private:
  template <typename Format, typename... Args>
  void put(LogLevel level, const Format& text, Args&&... args) const {
    if (enabled(level))
      sink_->write(level, channel_, text.location, fmt::format(text.format, std::forward<Args>(args)...));
  }

  std::shared_ptr<LogSink> sink_;
  std::string channel_;
};

}  // namespace ocelli
