// HealthWatch: the open Watch calls of grpc.health.v1.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/change_notifier.hpp"
#include "protocols/health/health_source.hpp"
#include "transport/grpc/rpc_exchange.hpp"

namespace ocelli::health {

// Tells each watcher the status it asked for: at once, and again whenever it changed, on a thread of its own that
// sleeps until a change is announced. Thread-safe.
class HealthWatch {
 public:
  // Calls at one time; one more is refused with RESOURCE_EXHAUSTED.
  static constexpr std::size_t kMaxWatchers = 1024;
  // Of a request. The name in it is kept as long as the call lasts; a larger one ends with RESOURCE_EXHAUSTED.
  static constexpr std::size_t kMaxRequestBytes = std::size_t{64} << 10;

  // changes: notified after a change of what source tells. Both outlive this object.
  HealthWatch(const HealthSource& source, ChangeNotifier& changes);
  // All calls must have ended: close() and the transport's end see to that.
  ~HealthWatch();
  HealthWatch(const HealthWatch&) = delete;
  HealthWatch& operator=(const HealthWatch&) = delete;

  // Takes a Watch call over until it ends.
  void handle(transport::RpcExchange& exchange) noexcept;
  // Tells everybody the present status a last time, and ends their calls with UNAVAILABLE; new ones are ended likewise.
  // For shutting down.
  void close() noexcept;

 private:
  class Watcher;
  using Watchers = std::list<std::unique_ptr<Watcher>>;

  void announce();
  void tell_changes();
  // Takes the watcher out and ends its call; a watcher that is out already is left alone.
  void end(const Watcher& watcher, const Status& status) noexcept;

  const HealthSource& source_;
  std::mutex mutex_;
  std::condition_variable wake_;
  Watchers watchers_;
  bool changed_ = false;
  bool closed_ = false;
  bool stopping_ = false;
  std::thread thread_;
  ChangeNotifier::Subscription subscription_;
};

// The bytes of a HealthCheckResponse.
void append_health_response(ServingStatus status, std::string& reply);
// The name in a HealthCheckRequest; kInvalidArgument when the bytes are malformed.
Result<std::string_view> read_health_request(std::span<const std::byte> request);

}  // namespace ocelli::health
