// The log of a server.
#pragma once

#include <memory>

#include "base/log.hpp"
#include "base/log_gate.hpp"
#include "base/status.hpp"
#include "server/server_options.hpp"

namespace ocelli::server {

// A log, and what decides which of its levels are written.
struct ServerLog {
  Log log;
  std::shared_ptr<LogGate> gate;
};

// Channel "serving", to standard output and options.path. Errors: kInvalidArgument when the file cannot be opened.
Result<ServerLog> make_log(const LogOptions& options);

}  // namespace ocelli::server
