#include "base/log.hpp"

#include <fcntl.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <exception>
#include <filesystem>
#include <iterator>
#include <mutex>
#include <string>
#include <system_error>
#include <vector>

#include "base/line_writer.hpp"

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

bool is_control(char c) noexcept {
  const auto code = static_cast<unsigned char>(c);
  return code < 0x20 || code == 0x7f;
}

// A message as one line: what clients and files put into it must not look like lines of ours.
std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    if (!is_control(c)) {
      line.push_back(c);
    } else if (c == '\n') {
      line += "\\n";
    } else {
      fmt::format_to(std::back_inserter(line), "\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  return line;
}

// Standard output or a file. Either may be a pipe or a terminal that nobody reads.
class WriterSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  // As LineWriter takes them.
  WriterSink(int file, bool owned) : writer_(file, owned) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const int error = write(message);
    if (const auto dropped = writer_.take_dropped(); dropped != 0) {
      const auto text = fmt::format("{} lines of the log are missing here: nobody read them in time", dropped);
      write({message.source, message.logger_name, spdlog::level::warn, {text.data(), text.size()}});
    }
    if (error != 0 && error != EAGAIN) throw std::system_error(error, std::generic_category());
  }
  void flush_() override {}

 private:
  int write(const spdlog::details::log_msg& message) {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    return writer_.write({line.data(), line.size()});
  }

  LineWriter writer_;
};

// Not blocking: a named pipe that nobody reads is refused instead of being waited for.
int open_log_file(const std::string& path, std::string* error) {
  std::error_code ignored;
  if (const auto folder = std::filesystem::path(path).parent_path(); !folder.empty())
    std::filesystem::create_directories(folder, ignored);
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);
  if (file < 0 && error) {
    const int reason = errno;
    *error = std::generic_category().message(reason);
    if (reason == ENXIO) *error += " (a named pipe that nobody reads)";
  }
  return file;
}

class ConsoleLogSink final : public LogSink {
 public:
  // path: the file of the second sink, if there is one.
  ConsoleLogSink(LogLevel level, std::vector<spdlog::sink_ptr> sinks, std::string path)
      : level_(level), sinks_(std::move(sinks)), path_(std::move(path)) {
    for (auto& sink : sinks_) sink->set_pattern(kPattern);
  }

  LogLevel level() const noexcept override { return level_; }

  void write(LogLevel level, std::string_view channel, const std::source_location& where,
             std::string_view text) noexcept override {
    try {
      std::string escaped;
      if (std::ranges::any_of(text, is_control)) text = escaped = one_line(text);
      const spdlog::source_loc location(where.file_name(), static_cast<int>(where.line()), where.function_name());
      const spdlog::details::log_msg message(location, {channel.data(), channel.size()}, spdlog_level(level),
                                             {text.data(), text.size()});
      for (std::size_t i = 0; i < sinks_.size(); ++i) put(*sinks_[i], message, i != 0);
    } catch (...) {  // out of memory: the line is dropped
    }
  }

 private:
  // A full disk must neither stop the server nor keep the line from the other sink.
  void put(spdlog::sinks::sink& sink, const spdlog::details::log_msg& message, bool file) {
    try {
      sink.log(message);
      sink.flush();
      if (file) file_fails_ = false;
    } catch (const std::exception& failure) {
      if (!file || file_fails_.exchange(true)) return;
      const auto text =
          fmt::format("log_path {} cannot be written, lines are missing there: {}", path_, failure.what());
      put(*sinks_.front(), {message.source, message.logger_name, spdlog::level::err, {text.data(), text.size()}},
          false);
    }
  }

  LogLevel level_;
  std::vector<spdlog::sink_ptr> sinks_;
  const std::string path_;
  std::atomic<bool> file_fails_{false};  // told already
};

class NullLogSink final : public LogSink {
 public:
  LogLevel level() const noexcept override { return static_cast<LogLevel>(static_cast<int>(LogLevel::kError) + 1); }
  void write(LogLevel, std::string_view, const std::source_location&, std::string_view) noexcept override {}
};

}  // namespace

std::shared_ptr<LogSink> make_console_log_sink(LogLevel level, const std::string& path, std::string* error) {
  try {
    std::vector<spdlog::sink_ptr> sinks{std::make_shared<WriterSink>(STDOUT_FILENO, false)};
    if (!path.empty()) {
      const int file = open_log_file(path, error);
      if (file < 0) return nullptr;
      sinks.push_back(std::make_shared<WriterSink>(file, true));
    }
    return std::make_shared<ConsoleLogSink>(level, std::move(sinks), path);
  } catch (const std::exception& failure) {
    if (error) *error = failure.what();
    return nullptr;
  }
}

std::shared_ptr<LogSink> make_null_log_sink() { return std::make_shared<NullLogSink>(); }

}  // namespace ocelli
