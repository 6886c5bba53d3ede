// RpcOptions: the limits and times that the gRPC transport keeps beyond those of every connection.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "transport/connection_limits.hpp"

namespace ocelli::transport {

// How messages are compressed (the grpc-encoding header).
enum class RpcEncoding : std::uint8_t { kIdentity, kGzip, kDeflate };

// Plain values; the same for all connections of a server. Of ConnectionLimits all apply but max_pipelined, which is
// max_streams here. Beyond a limit the call, or where HTTP/2 leaves no other way the connection, ends with an error
// that names the limit.
struct RpcOptions {
  ConnectionLimits limits;

  // Calls that one connection may have open (SETTINGS_MAX_CONCURRENT_STREAMS).
  std::uint32_t max_streams = 1024;
  // Sum of the declared lengths of one connection's request messages that are in memory at one time.
  std::size_t max_connection_bytes = std::size_t{2} << 30;
  // Request bytes in memory over all connections of a server, with what is decoded from them (OVMS's
  // grpc_memory_quota); 0: no limit.
  std::size_t max_total_bytes = std::size_t{2} << 30;
  // Reply bytes of one call that wait because its client does not read.
  std::size_t max_waiting_reply_bytes = std::size_t{1} << 30;

  // Silence after which a PING is sent, and how long its answer may take: gRPC's own defaults. Zero: none.
  Duration keepalive_interval = std::chrono::hours(2);
  Duration keepalive_timeout = std::chrono::seconds(20);

  // SETTINGS_INITIAL_WINDOW_SIZE and the connection's window: so large that a message never waits for a WINDOW_UPDATE.
  // Frames: the largest that HTTP/2 allows. Both chosen by measurement, docs/decisions/0002-grpc-over-nghttp2.md.
  std::int32_t window_bytes = std::int32_t{1} << 30;
  std::uint32_t frame_bytes = (1U << 24) - 1;

  // Replies of at least reply_encoding_minimum bytes are compressed so, on the thread that finishes the call, when the
  // client accepts it.
  RpcEncoding reply_encoding = RpcEncoding::kIdentity;
  std::size_t reply_encoding_minimum = 1024;

  // Not empty: calls must bring "authorization: Bearer KEY" or "x-api-key: KEY", else they are UNAUTHENTICATED.
  std::string api_key;
  // Exact paths that need no key, for health probes.
  std::vector<std::string> open_paths = {"/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch",
                                         "/inference.GRPCInferenceService/ServerLive",
                                         "/inference.GRPCInferenceService/ServerReady"};
};

}  // namespace ocelli::transport
