#include "transport/grpc/rpc_server.hpp"

#include <condition_variable>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "transport/grpc/rpc_connection.hpp"
#include "transport/grpc/rpc_context.hpp"
#include "transport/listener.hpp"

namespace ocelli::transport {

class RpcServer::Impl final : public ConnectionSink, public RpcConnections {
 public:
  explicit Impl(RpcServerParts parts)
      : threads_(*parts.threads),
        tls_(parts.tls),
        context_(std::make_shared<RpcContext>(std::move(parts.options), *parts.handler, *parts.pool, parts.access_log,
                                              std::move(parts.log))) {}

  Status open(const std::string& addresses, std::uint16_t port) {
    auto listener = Listener::open(addresses, port);
    if (!listener.ok()) return listener.status();
    listener_ = std::move(*listener);
    listener_->start(threads_, *this);
    return {};
  }

  void on_accepted(EventLoop& loop, Accepted accepted) noexcept override {
    context_->counters.accepted_connections.fetch_add(1, std::memory_order_relaxed);
    std::shared_ptr<RpcConnection> connection;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_ || connections_.size() >= context_->options.limits.max_connections) {
        on_refused();
        return;
      }
      connection = make_counted(loop, std::move(accepted));
      connections_.emplace(connection.get(), connection);
    }
    context_->counters.open_connections.fetch_add(1, std::memory_order_relaxed);
    if (!connection->open()) on_closed(*connection);
  }

  void on_refused() noexcept override {
    context_->counters.refused_connections.fetch_add(1, std::memory_order_relaxed);
  }

  void on_closed(RpcConnection& connection) noexcept override {
    std::shared_ptr<RpcConnection> dropped;  // destroyed after the lock is released
    const std::lock_guard lock(mutex_);
    const auto found = connections_.find(&connection);
    if (found == connections_.end()) return;
    dropped = std::move(found->second);
    connections_.erase(found);
    context_->counters.open_connections.fetch_sub(1, std::memory_order_relaxed);
  }

  bool stop(Duration limit) {
    if (listener_) listener_->stop();
    for_each([](RpcConnection& connection) { connection.begin_shut_down(); });
    if (wait_until_gone(limit)) return true;
    for_each([](RpcConnection& connection) { connection.abort(); });
    return wait_until_gone(kHandlerGrace);
  }

  [[nodiscard]] std::uint16_t port() const noexcept { return listener_->port(); }
  [[nodiscard]] const TransportCounters& counters() const noexcept { return context_->counters; }

 private:
  // Connections that exist, closed or not: a handler may hold a call of one that is closed.
  struct Alive {
    std::mutex mutex;
    std::condition_variable none;
    std::size_t count = 0;
  };

  std::shared_ptr<RpcConnection> make_counted(EventLoop& loop, Accepted accepted) {
    {
      const std::lock_guard lock(alive_->mutex);
      ++alive_->count;
    }
    auto* connection = new RpcConnection(context_, *this, loop, std::move(accepted), tls_);
    return {connection, [alive = alive_](RpcConnection* gone) noexcept {
              delete gone;
              const std::lock_guard lock(alive->mutex);
              if (--alive->count == 0) alive->none.notify_all();
            }};
  }

  template <typename Function>
  void for_each(Function function) {
    std::vector<std::shared_ptr<RpcConnection>> all;
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      for (const auto& entry : connections_) all.push_back(entry.second);
    }
    for (const auto& connection : all) function(*connection);
  }

  bool wait_until_gone(Duration limit) {
    std::unique_lock lock(alive_->mutex);
    return alive_->none.wait_for(lock, limit, [this] { return alive_->count == 0; });
  }

  IoThreads& threads_;
  TlsContext* tls_;
  std::shared_ptr<RpcContext> context_;
  std::unique_ptr<Listener> listener_;
  std::mutex mutex_;
  std::unordered_map<RpcConnection*, std::shared_ptr<RpcConnection>> connections_;
  bool stopping_ = false;
  std::shared_ptr<Alive> alive_ = std::make_shared<Alive>();
};

RpcServer::RpcServer(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}

RpcServer::~RpcServer() {
  if (impl_) stop(Duration::zero());
}

Result<std::unique_ptr<RpcServer>> RpcServer::start(RpcServerParts parts, const std::string& addresses,
                                                    std::uint16_t port) {
  auto impl = std::make_unique<Impl>(std::move(parts));
  if (auto status = impl->open(addresses, port); !status.ok()) return status;
  return std::unique_ptr<RpcServer>(new RpcServer(std::move(impl)));
}

std::uint16_t RpcServer::port() const noexcept { return impl_->port(); }
const TransportCounters& RpcServer::counters() const noexcept { return impl_->counters(); }
bool RpcServer::stop(Duration limit) { return impl_->stop(limit); }

}  // namespace ocelli::transport
