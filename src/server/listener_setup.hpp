// What the server's options mean for its listeners.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/status.hpp"
#include "observability/access_log.hpp"
#include "server/api_key.hpp"
#include "server/server_options.hpp"
#include "transport/connection_limits.hpp"
#include "transport/grpc/rpc_options.hpp"
#include "transport/http/http_options.hpp"

namespace ocelli::server {

// Limits of every listener.
transport::ConnectionLimits connection_limits(const ServerOptions& options);

// The REST listener; access_log may be null and must outlive the server.
transport::HttpOptions http_options(const ServerOptions& options, const ApiKeys& keys,
                                    observability::AccessLog* access_log);

// The gRPC listener. ignored receives the channel arguments that have no effect here. Errors: kInvalidArgument for an
// argument that is not name=value.
Result<transport::RpcOptions> rpc_options(const ServerOptions& options, const ApiKeys& keys,
                                          std::vector<std::string>& ignored);

// Its TLS files, when it has any.
std::optional<transport::TlsOptions> tls_options(const TlsFiles& files);

// A sentence for the log for each option that was given, is accepted for OVMS's sake, and changes nothing here.
std::vector<std::string> options_without_effect(const ServerOptions& options);

// Network threads: as many as asked for, else one per core.
std::size_t io_thread_count(const ServerOptions& options);

}  // namespace ocelli::server
