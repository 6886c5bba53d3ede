// LogGate: decides which levels of a log are written, and lets that be changed while the program runs.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "base/log.hpp"
#include "base/status.hpp"

namespace ocelli {

// Which levels are written, as Triton's log settings name them; each is on its own.
struct LogSettings {
  bool info = true;
  bool warning = true;
  bool error = true;
  std::uint32_t verbose = 0;  // 0: neither; 1: debug lines; from 2 on: trace lines too

  // Everything from level on.
  static LogSettings from(LogLevel level) noexcept;
  friend bool operator==(const LogSettings&, const LogSettings&) = default;
};

// A sink in front of another one. All members are thread-safe.
class LogGate final : public LogSink {
 public:
  // file: where the sink writes to beside standard output, to be told; empty: nowhere.
  LogGate(std::shared_ptr<LogSink> sink, const LogSettings& settings, std::string file = {})
      : sink_(std::move(sink)), settings_(settings), file_(std::move(file)) {}

  [[nodiscard]] const std::string& file() const noexcept { return file_; }

  [[nodiscard]] LogSettings settings() const noexcept { return settings_.load(std::memory_order_relaxed); }
  // Holds for lines that are written from now on.
  void set(const LogSettings& settings) noexcept { settings_.store(settings, std::memory_order_relaxed); }
  // Lets change(LogSettings&) alter what holds now, one at a time, and keeps that if its Status is OK.
  template <typename Change>
  Status update(Change change) {
    const std::lock_guard lock(update_);
    LogSettings wanted = settings();
    auto status = change(wanted);
    if (status.ok()) set(wanted);
    return status;
  }

  [[nodiscard]] LogLevel level() const noexcept override;
  void write(LogLevel level, std::string_view channel, const std::source_location& where,
             std::string_view text) noexcept override;

 private:
  const std::shared_ptr<LogSink> sink_;
  std::atomic<LogSettings> settings_;
  std::mutex update_;
  const std::string file_;
  static_assert(std::atomic<LogSettings>::is_always_lock_free);
};

}  // namespace ocelli
