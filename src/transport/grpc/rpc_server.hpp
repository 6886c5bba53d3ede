// RpcServer: a gRPC server on one port.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/status.hpp"
#include "transport/grpc/rpc_exchange.hpp"
#include "transport/grpc/rpc_options.hpp"
#include "transport/io_threads.hpp"
#include "transport/tls_context.hpp"
#include "transport/transport_counters.hpp"

namespace ocelli::observability {
class AccessLog;
}

namespace ocelli::transport {

// What a server is made of; everything referred to outlives the server.
struct RpcServerParts {
  RpcOptions options;
  RpcHandler* handler = nullptr;
  BufferPool* pool = nullptr;
  IoThreads* threads = nullptr;
  TlsContext* tls = nullptr;  // null: HTTP/2 with prior knowledge over plain TCP; else it must offer "h2"
  observability::AccessLog* access_log = nullptr;  // null: none
  Log log;
};

// All members are thread-safe, but stop() must not be called on a network thread.
class RpcServer {
 public:
  // Binds and accepts. addresses and errors as Listener::open(). port 0: the system chooses.
  static Result<std::unique_ptr<RpcServer>> start(RpcServerParts parts, const std::string& addresses,
                                                  std::uint16_t port);
  // stop() with a limit of zero, if it was not called.
  ~RpcServer();
  RpcServer(const RpcServer&) = delete;
  RpcServer& operator=(const RpcServer&) = delete;

  // The port that is really bound.
  [[nodiscard]] std::uint16_t port() const noexcept;
  // What was counted so far.
  [[nodiscard]] const TransportCounters& counters() const noexcept;

  // Closes the port, lets calls under way end for at most limit, cancels the others and then waits until the handlers
  // have finished every call that they were given. False when one was not within kHandlerGrace after its cancellation:
  // parts must then stay until it is.
  bool stop(Duration limit);
  static constexpr Duration kHandlerGrace = std::chrono::seconds(30);

 private:
  class Impl;
  explicit RpcServer(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ocelli::transport
