#include "transport/http/http_server.hpp"

#include <mutex>
#include <thread>
#include <vector>

#include "transport/http/http_connection.hpp"
#include "transport/http/http_loop.hpp"
#include "transport/listener.hpp"
#include "transport/tls_context.hpp"

namespace ocelli::transport {
namespace {

// How often a stopping server looks whether its connections are gone.
constexpr Duration kStopPoll = std::chrono::milliseconds(2);
// Clients over the connection limit that are told so at the same time; more than these are just closed.
constexpr std::int64_t kToldRefusals = 64;

}  // namespace

class HttpServer::Impl final : public ConnectionSink {
 public:
  Impl(HttpOptions options, HttpHandler& handler, IoThreads& threads, BufferPool& pool)
      : threads_(threads), service_(std::move(options), handler, pool) {
    for (std::size_t i = 0; i < threads.size(); ++i)
      loops_.push_back(std::make_unique<HttpLoop>(threads.loop(i), service_));
  }

  Status listen() {
    if (service_.options.tls) {
      auto tls = TlsContext::create(*service_.options.tls, {"http/1.1"});
      if (!tls.ok()) return std::move(tls).status();
      tls_ = std::move(*tls);
    }
    auto listener = Listener::open(service_.options.addresses, service_.options.port);
    if (!listener.ok()) return std::move(listener).status();
    listener_ = std::move(*listener);
    port_ = listener_->port();
    listener_->start(threads_, *this);
    return {};
  }

  void on_accepted(EventLoop& loop, Accepted accepted) noexcept override {
    HttpLoop& home = home_of(loop);
    home.counters.accepted_connections.fetch_add(1, std::memory_order_relaxed);
    const auto limit = static_cast<std::int64_t>(service_.options.limits.max_connections);
    const auto open = open_connections();
    if (open >= limit) home.counters.refused_connections.fetch_add(1, std::memory_order_relaxed);
    if (open >= limit + kToldRefusals) return;
    auto stream = make_stream(std::move(accepted.socket), tls_.get());
    if (!stream) return on_refused();
    auto* connection = std::make_unique<HttpConnection>(home, std::move(stream), std::move(accepted.remote),
                                                        std::move(accepted.share), tls_ != nullptr)
                           .release();  // deletes itself
    if (open >= limit) return connection->start_refused("Too many connections. Limit: " + std::to_string(limit));
    connection->start();
    if (home.stopping()) connection->begin_stop();
  }

  void on_refused() noexcept override {
    loops_.front()->counters.refused_connections.fetch_add(1, std::memory_order_relaxed);
  }

  void begin_stop() {
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(stop_begun_, true)) return;
    }
    if (listener_) listener_->stop();
    for (auto& loop : loops_) {
      loop->loop.run_sync([&] { loop->begin_stop(); });
    }
  }

  std::uint64_t stop(TimePoint deadline) {
    begin_stop();
    if (wait_until_closed(deadline)) return 0;
    const auto cut = totals().client_gone;
    for (auto& loop : loops_) {
      loop->loop.run_sync([&] { loop->cut(); });
    }
    wait_until_closed(kNever);
    return totals().client_gone - cut;
  }

  [[nodiscard]] TransportTotals totals() const noexcept {
    TransportTotals totals;
    for (const auto& loop : loops_) totals.add(loop->counters);
    return totals;
  }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

 private:
  HttpLoop& home_of(EventLoop& loop) noexcept {
    std::size_t i = 0;
    while (&loops_[i]->loop != &loop) ++i;
    return *loops_[i];
  }

  [[nodiscard]] std::int64_t open_connections() const noexcept {
    std::int64_t open = 0;
    for (const auto& loop : loops_) open += loop->counters.open_connections.load(std::memory_order_acquire);
    return open;
  }

  // Connections end on their own threads; stopping is rare, so it looks rather than makes each of them tell.
  bool wait_until_closed(TimePoint deadline) {
    while (open_connections() > 0) {
      if (Clock::now() >= deadline) return false;
      std::this_thread::sleep_for(kStopPoll);
    }
    return true;
  }

  IoThreads& threads_;
  HttpService service_;
  std::vector<std::unique_ptr<HttpLoop>> loops_;
  std::unique_ptr<TlsContext> tls_;
  std::unique_ptr<Listener> listener_;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  bool stop_begun_ = false;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpOptions options, HttpHandler& handler, IoThreads& threads,
                                                      BufferPool& pool) {
  auto impl = std::make_unique<Impl>(std::move(options), handler, threads, pool);
  auto status = impl->listen();
  if (!status.ok()) return status;
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::~HttpServer() { stop(Clock::now()); }

std::uint16_t HttpServer::port() const noexcept { return impl_->port(); }
TransportTotals HttpServer::totals() const noexcept { return impl_->totals(); }
void HttpServer::begin_stop() { impl_->begin_stop(); }
std::uint64_t HttpServer::stop(TimePoint deadline) { return impl_->stop(deadline); }

}  // namespace ocelli::transport
