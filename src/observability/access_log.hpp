// AccessLog: one line per finished request.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/status.hpp"

namespace ocelli::observability {

// One finished request; views are only read during the call.
struct AccessRecord {
  std::string_view interface;  // "REST", "gRPC"
  std::string_view remote;     // "address:port"
  std::string_view method;     // "GET"; for gRPC "POST"
  std::string_view path;       // as the client sent it
  int status = 0;              // HTTP status, or the gRPC status number
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  Duration took{};
  std::string_view traceparent;  // the header's value; empty: none, a trace id is made up
  std::string_view note;
};

// Thread-safe; each record is one write of one line, so that lines never mix.
class AccessLog {
 public:
  virtual ~AccessLog() = default;
  // Never fails: a line that cannot be written is dropped, and the first of them is reported.
  virtual void record(const AccessRecord& record) noexcept = 0;
};

// text: "2026-11-21T08:30:00.123Z REST 127.0.0.1:4711 \"POST /v2/models/m/infer\" 200 in=64 out=80 us=123 trace=4bf9...
// note" json: the same as an object of {time, interface, remote, method, path, status, bytes_in, bytes_out, us,
// trace_id, parent_id, note}.
enum class AccessLogFormat : std::uint8_t { kText, kJson };

// path: file to append to; empty: standard output. log is told when it cannot be written. Error: kInvalidArgument when
// the file cannot be opened.
Result<std::unique_ptr<AccessLog>> make_access_log(AccessLogFormat format, const std::string& path, Log log = {});

}  // namespace ocelli::observability
