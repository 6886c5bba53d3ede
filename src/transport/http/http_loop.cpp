#include "transport/http/http_loop.hpp"

#include "transport/http/connection_exchange.hpp"
#include "transport/http/http_connection.hpp"

namespace ocelli::transport {
namespace {

// Exchanges kept for reuse on each thread; a burst beyond it gives its memory back.
constexpr std::size_t kMaxIdleExchanges = 256;

std::string cors_headers(const CorsOptions& cors) {
  std::string text;
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) text.append(name).append(": ").append(value).append("\r\n");
  };
  add("Access-Control-Allow-Origin", cors.allowed_origins);
  add("Access-Control-Allow-Methods", cors.allowed_methods);
  add("Access-Control-Allow-Headers", cors.allowed_headers);
  if (cors.allow_credentials) add("Access-Control-Allow-Credentials", "true");
  return text;
}

}  // namespace

HttpService::HttpService(HttpOptions given, HttpHandler& to, BufferPool& buffers)
    : options(std::move(given)),
      handler(to),
      pool(buffers),
      common_headers(cors_headers(options.cors)),
      budget(std::make_shared<ByteBudget>(options.max_total_bytes, "--rest_memory_quota")) {}

HttpLoop::~HttpLoop() = default;

ConnectionExchange& HttpLoop::take_exchange() {
  if (idle_exchanges_.empty()) return *new ConnectionExchange();
  auto* exchange = idle_exchanges_.back().release();
  idle_exchanges_.pop_back();
  return *exchange;
}

void HttpLoop::give_back(ConnectionExchange& exchange) noexcept {
  exchange.end();
  exchange.give_back_held();
  if (idle_exchanges_.size() < kMaxIdleExchanges)
    idle_exchanges_.emplace_back(&exchange);
  else
    delete &exchange;
}

void HttpLoop::add(HttpConnection& connection) {
  connection.index_in_loop = connections_.size();
  connections_.push_back(&connection);
}

void HttpLoop::remove(HttpConnection& connection) noexcept {
  auto* last = connections_.back();
  last->index_in_loop = connection.index_in_loop;
  connections_[connection.index_in_loop] = last;
  connections_.pop_back();
}

void HttpLoop::begin_stop() noexcept {
  stopping_ = true;
  // Closing is deferred to a task, so the list does not change under us.
  for (auto* connection : connections_) connection->begin_stop();
}

void HttpLoop::cut() noexcept {
  stopping_ = true;
  for (auto* connection : connections_) connection->close();
}

}  // namespace ocelli::transport
