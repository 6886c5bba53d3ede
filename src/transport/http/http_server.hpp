// HttpServer: serves HTTP/1.0 and HTTP/1.1, plain or over TLS.
#pragma once

#include <cstdint>
#include <memory>

#include "base/clock.hpp"
#include "base/status.hpp"
#include "tensor/buffer_pool.hpp"
#include "transport/http/http_exchange.hpp"
#include "transport/http/http_options.hpp"
#include "transport/io_threads.hpp"
#include "transport/transport_counters.hpp"

namespace ocelli::transport {

// Keep-alive, pipelining, chunked and compressed bodies, CORS, API key, limits and time-outs as HttpOptions and
// ConnectionLimits say. Members are thread-safe unless they say otherwise.
class HttpServer {
 public:
  // Listens and serves from here on. handler, threads and pool must outlive the server; pool also every exchange that a
  // handler still has when the server is stopped before its reply. Errors: those of Listener::open() and
  // TlsContext::create().
  static Result<std::unique_ptr<HttpServer>> start(HttpOptions options, HttpHandler& handler, IoThreads& threads,
                                                   BufferPool& pool);
  // As stop(now).
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // The port that is really bound.
  [[nodiscard]] std::uint16_t port() const noexcept;
  // What was counted so far, over all threads.
  [[nodiscard]] TransportTotals totals() const noexcept;

  // Stops accepting, closes idle connections, and lets the others finish the requests they have begun. Returns at once.
  void begin_stop();
  // begin_stop(), waits until all connections have ended or deadline, then cuts those that are left (their handlers are
  // told). Not on a network thread. Returns how many requests were cut.
  std::uint64_t stop(TimePoint deadline);

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ocelli::transport
