// IoThreads: the network threads of the program, one EventLoop each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "base/status.hpp"
#include "transport/event_loop.hpp"

namespace ocelli::transport {

// A connection lives on one thread from accept to close, so its requests never hop between threads. HTTP and gRPC may
// share the same threads. Thread-safe. Must outlive every listener and connection on it.
class IoThreads {
 public:
  // count >= 1. max_connections: of all listeners together; what comes beyond them is closed unserved. Fails when the
  // system gives no thread or descriptor.
  static Result<std::unique_ptr<IoThreads>> start(std::size_t count, std::size_t max_connections = SIZE_MAX);
  // Stops the loops after their current round and joins.
  ~IoThreads();
  IoThreads(const IoThreads&) = delete;
  IoThreads& operator=(const IoThreads&) = delete;

  [[nodiscard]] std::size_t size() const noexcept { return loops_.size(); }
  [[nodiscard]] EventLoop& loop(std::size_t index) noexcept { return *loops_[index]; }
  // Whether there are as many connections as there may be.
  [[nodiscard]] bool full() const noexcept;
  // The loop with the fewest connections.
  [[nodiscard]] EventLoop& least_loaded() noexcept;

 private:
  explicit IoThreads(std::size_t max_connections) : max_connections_(max_connections) {}

  const std::size_t max_connections_;
  std::vector<std::unique_ptr<EventLoop>> loops_;
  std::vector<std::thread> threads_;
};

}  // namespace ocelli::transport
