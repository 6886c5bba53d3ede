// The log of a server.
#pragma once

#include "base/log.hpp"
#include "base/status.hpp"
#include "server/server_options.hpp"

namespace ocelli::server {

// Channel "serving", to standard output and options.path. Errors: kInvalidArgument when the file cannot be opened.
Result<Log> make_log(const LogOptions& options);

}  // namespace ocelli::server
