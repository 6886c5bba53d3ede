#include "observability/access_log.hpp"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <iterator>
#include <utility>

#include "base/line_writer.hpp"
#include "observability/trace_context.hpp"

namespace ocelli::observability {
namespace {

using Line = fmt::memory_buffer;  // its first 500 bytes are on the stack: a usual line allocates nothing

// A client chooses path and note, so that a line must not be forgeable: control characters, quotes and bytes outside
// ASCII are escaped in a form that is valid both in the text line and in JSON.
void append_escaped(Line& line, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      line.push_back('\\');
      line.push_back(c);
    } else if (byte < 0x20 || byte >= 0x7f) {
      fmt::format_to(std::back_inserter(line), "\\u{:04x}", byte);
    } else {
      line.push_back(c);
    }
  }
}

void append_time(Line& line) {
  const auto now = std::chrono::system_clock::now();
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  fmt::format_to(std::back_inserter(line), "{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                 fmt::gmtime(std::chrono::system_clock::to_time_t(now)), milliseconds);
}

std::int64_t microseconds(Duration took) { return std::chrono::duration_cast<std::chrono::microseconds>(took).count(); }

void append_text(Line& line, const AccessRecord& record, const TraceContext& trace) {
  auto out = std::back_inserter(line);
  append_time(line);
  fmt::format_to(out, " {} {} \"", record.interface, record.remote);
  append_escaped(line, record.method);
  line.push_back(' ');
  append_escaped(line, record.path);
  fmt::format_to(out, "\" {} in={} out={} us={} trace={}", record.status, record.bytes_in, record.bytes_out,
                 microseconds(record.took), trace.trace());
  if (!record.note.empty()) {
    line.push_back(' ');
    append_escaped(line, record.note);
  }
}

void append_json(Line& line, const AccessRecord& record, const TraceContext& trace) {
  auto out = std::back_inserter(line);
  line.append(std::string_view(R"({"time":")"));
  append_time(line);
  fmt::format_to(out, R"(","interface":"{}","remote":"{}","method":")", record.interface, record.remote);
  append_escaped(line, record.method);
  line.append(std::string_view(R"(","path":")"));
  append_escaped(line, record.path);
  fmt::format_to(out, R"(","status":{},"bytes_in":{},"bytes_out":{},"us":{},"trace_id":"{}","parent_id":"{}","note":")",
                 record.status, record.bytes_in, record.bytes_out, microseconds(record.took), trace.trace(),
                 trace.parent());
  append_escaped(line, record.note);
  line.append(std::string_view("\"}"));
}

class FileAccessLog final : public AccessLog {
 public:
  // name: the file's, for the log that is told when it cannot be written.
  FileAccessLog(AccessLogFormat format, int file, bool owned, std::string name, Log log)
      : format_(format), writer_(file, owned), name_(std::move(name)), log_(std::move(log)) {}

  void record(const AccessRecord& record) noexcept override {
    try {
      const auto given = TraceContext::parse(record.traceparent);
      const auto trace = given ? *given : TraceContext::generate();
      Line line;
      if (format_ == AccessLogFormat::kJson) {
        append_json(line, record, trace);
      } else {
        append_text(line, record, trace);
      }
      line.push_back('\n');
      put(line);
    } catch (...) {  // out of memory: the line is dropped, the request was served
    }
  }

 private:
  // A full disk or a pipe that nobody reads loses lines: that is told once, until one can be written again.
  void put(const Line& line) {
    if (const int error = writer_.write({line.data(), line.size()}); error != 0) {
      if (fails_.exchange(true)) return;
      log_.error("access_log_path {} cannot be written, lines are missing there: {}", name_,
                 error == EAGAIN ? "nobody reads it" : std::strerror(error));
      return;
    }
    // Only after a failure may lines have been dropped: the usual line takes the writer's lock once.
    if (!fails_.load(std::memory_order_relaxed) || !fails_.exchange(false)) return;
    if (const auto dropped = writer_.take_dropped(); dropped != 0)
      log_.warning("access_log_path {}: {} lines are missing there, nobody read them in time", name_, dropped);
  }

  AccessLogFormat format_;
  LineWriter writer_;
  const std::string name_;
  const Log log_;
  std::atomic<bool> fails_{false};
};

}  // namespace

Result<std::unique_ptr<AccessLog>> make_access_log(AccessLogFormat format, const std::string& path, Log log) {
  if (path.empty()) {
    return std::unique_ptr<AccessLog>(
        std::make_unique<FileAccessLog>(format, STDOUT_FILENO, false, "(standard output)", std::move(log)));
  }
  // Not blocking: a named pipe that nobody reads is refused instead of being waited for.
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0640);
  if (file < 0) return invalid_argument(fmt::format("access log {} cannot be opened: {}", path, std::strerror(errno)));
  return std::unique_ptr<AccessLog>(std::make_unique<FileAccessLog>(format, file, true, path, std::move(log)));
}

}  // namespace ocelli::observability
