// TransportCounters: what one server of the transport counts, for /metrics.
#pragma once

#include <atomic>
#include <cstdint>

namespace ocelli::transport {

// All members are thread-safe; written with relaxed order, a reader may see them slightly apart.
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

}  // namespace ocelli::transport
