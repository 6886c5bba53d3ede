// HttpLoop: what the HTTP connections of one network thread share.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "tensor/buffer_pool.hpp"
#include "tensor/byte_budget.hpp"
#include "transport/event_loop.hpp"
#include "transport/http/http_exchange.hpp"
#include "transport/http/http_options.hpp"
#include "transport/transport_counters.hpp"

namespace ocelli::transport {

class ConnectionExchange;
class HttpConnection;

// The same for all threads of a server; immutable but for the budget.
struct HttpService {
  HttpService(HttpOptions given, HttpHandler& to, BufferPool& buffers);

  HttpOptions options;
  HttpHandler& handler;
  BufferPool& pool;
  std::string common_headers;                // CORS, ready to be sent
  const std::shared_ptr<ByteBudget> budget;  // requests that outlive their connection give back to it, too
};

// Used on its loop's thread, but for the counters.
class HttpLoop {
 public:
  HttpLoop(EventLoop& on, const HttpService& of) noexcept : loop(on), service(of) {}
  ~HttpLoop();
  HttpLoop(const HttpLoop&) = delete;
  HttpLoop& operator=(const HttpLoop&) = delete;

  // A ready exchange, reused when there is one.
  ConnectionExchange& take_exchange();
  void give_back(ConnectionExchange& exchange) noexcept;

  // Connections register while they live.
  void add(HttpConnection& connection);
  // The connection is being destroyed.
  void remove(HttpConnection& connection) noexcept;
  // Closes idle connections and lets the others close after their replies.
  void begin_stop() noexcept;
  // Closes all connections.
  void cut() noexcept;
  [[nodiscard]] bool stopping() const noexcept { return stopping_; }

  EventLoop& loop;
  const HttpService& service;
  TransportCounters counters;

 private:
  std::vector<HttpConnection*> connections_;
  std::vector<std::unique_ptr<ConnectionExchange>> idle_exchanges_;
  bool stopping_ = false;
};

}  // namespace ocelli::transport
