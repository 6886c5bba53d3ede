// HttpOptions: how an HTTP server listens, guards itself and answers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "observability/access_log.hpp"
#include "transport/connection_limits.hpp"
#include "transport/tls_context.hpp"

namespace ocelli::transport {

// Copied into Access-Control-Allow-* of every reply; an empty value leaves that header out.
struct CorsOptions {
  std::string allowed_origins = "*";
  std::string allowed_methods = "*";
  std::string allowed_headers = "*";
  bool allow_credentials = false;
};

struct HttpOptions {
  std::string addresses = "0.0.0.0";  // comma list, as Listener::open() takes it
  std::uint16_t port = 0;             // 0: the system chooses
  ConnectionLimits limits;
  // Request bodies in memory over all connections, counted when their length is known, with what is decoded from them;
  // further ones get 429. 0: no limit.
  std::size_t max_total_bytes = std::size_t{4} << 30;
  std::optional<TlsOptions> tls;
  CorsOptions cors;
  // When not empty, requests must carry it as "Authorization: Bearer KEY" or "X-Api-Key: KEY"; others get 401. CORS
  // preflights need none.
  std::string api_key;
  // Exact paths that need no key, for health probes.
  std::vector<std::string> open_paths = {"/v2/health/live", "/v2/health/ready", "/ping"};
  // Text replies of at least this many bytes are compressed for clients whose Accept-Encoding lists gzip or deflate. A
  // client whose header names one coding and nothing else asks for it expressly: it gets it from min_asked_gzip_bytes
  // on, and also for replies with binary tensors.
  std::size_t min_gzip_bytes = std::size_t{16} * 1024;
  std::size_t min_asked_gzip_bytes = 256;
  // Null: no log. Must outlive the server.
  observability::AccessLog* access_log = nullptr;
};

}  // namespace ocelli::transport
