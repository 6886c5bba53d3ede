// ConnectionLimits: what one client may cost, for every protocol.
#pragma once

#include <cstddef>

#include "base/clock.hpp"

namespace ocelli::transport {

// Zero is not "no limit" in any of these.
struct ConnectionLimits {
  // Open connections of one server; further ones are refused with a reply where the protocol has one.
  std::size_t max_connections = 20000;
  // Request line and headers together, and their number (HTTP/1: status 431).
  std::size_t max_header_bytes = std::size_t{32} * 1024;
  std::size_t max_headers = 100;
  // One request body or message, as it is sent and again as it is decompressed (status 413, RESOURCE_EXHAUSTED). The
  // server's 1 GiB default.
  std::size_t max_body_bytes = std::size_t{1} << 30;
  // Requests of one connection that are being answered at the same time; further ones are left unread.
  std::size_t max_pipelined = 16;
  // From a request's first byte (HTTP/1), or from accept (TLS handshake, HTTP/2 preface), to the end of its header.
  Duration header_timeout = std::chrono::seconds(15);
  // Between two pieces of a body, and between two writes that the client accepts.
  Duration progress_timeout = std::chrono::seconds(30);
  // A body must arrive with at least this many bytes a second on average, once progress_timeout has passed.
  std::size_t min_body_bytes_per_second = 1024;
  // Between two requests of a connection.
  Duration idle_timeout = std::chrono::seconds(300);
};

}  // namespace ocelli::transport
