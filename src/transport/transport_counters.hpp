// TransportCounters: what a server of the transport counts, for /metrics.
#pragma once

#include <atomic>
#include <cstdint>

namespace ocelli::transport {

// One for each network thread of a server. All members are thread-safe; written with relaxed order, a reader may see
// them slightly apart.
struct TransportCounters {
  std::atomic<std::int64_t> open_connections{0};
  std::atomic<std::int64_t> requests_in_flight{0};
  std::atomic<std::uint64_t> accepted_connections{0};
  std::atomic<std::uint64_t> refused_connections{0};  // over max_connections, or the process ran out of descriptors
  std::atomic<std::uint64_t> requests{0};             // handed to the handler
  std::atomic<std::uint64_t> rejected_requests{0};    // answered by the transport itself: malformed, too large, no key
  std::atomic<std::uint64_t> timeouts{0};             // connections dropped because the client was too slow
  std::atomic<std::uint64_t> client_gone{0};          // requests whose client left before the reply
  std::atomic<std::uint64_t> bytes_received{0};
  std::atomic<std::uint64_t> bytes_sent{0};
};

// The same as plain numbers: sums over the threads of a server, each of which counts for itself so that they do not
// share cache lines.
struct TransportTotals {
  std::int64_t open_connections = 0;
  std::int64_t requests_in_flight = 0;
  std::uint64_t accepted_connections = 0;
  std::uint64_t refused_connections = 0;
  std::uint64_t requests = 0;
  std::uint64_t rejected_requests = 0;
  std::uint64_t timeouts = 0;
  std::uint64_t client_gone = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;

  // Adds one thread's counters.
  void add(const TransportCounters& counters) noexcept {
    open_connections += counters.open_connections.load(std::memory_order_acquire);
    requests_in_flight += counters.requests_in_flight.load(std::memory_order_relaxed);
    accepted_connections += counters.accepted_connections.load(std::memory_order_relaxed);
    refused_connections += counters.refused_connections.load(std::memory_order_relaxed);
    requests += counters.requests.load(std::memory_order_relaxed);
    rejected_requests += counters.rejected_requests.load(std::memory_order_relaxed);
    timeouts += counters.timeouts.load(std::memory_order_relaxed);
    client_gone += counters.client_gone.load(std::memory_order_relaxed);
    bytes_received += counters.bytes_received.load(std::memory_order_relaxed);
    bytes_sent += counters.bytes_sent.load(std::memory_order_relaxed);
  }
};

}  // namespace ocelli::transport
