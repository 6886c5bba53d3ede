// ReplyQueue: the unanswered requests of a connection, in their order, and how far their replies are written.
#pragma once

#include <cstddef>
#include <span>

#include <sys/uio.h>

#include "transport/http/connection_exchange.hpp"

namespace ocelli::transport {

// A singly linked list through the exchanges: no allocation.
class ReplyQueue {
 public:
  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] ConnectionExchange* first() const noexcept { return first_; }
  [[nodiscard]] ConnectionExchange* last() const noexcept { return last_; }
  void push(ConnectionExchange& exchange) noexcept;
  ConnectionExchange& pop() noexcept;
  // Nobody works on any of them any more.
  [[nodiscard]] bool all_ready() const noexcept {
    for (const auto* each = first_; each; each = each->next) {
      if (!each->ready()) return false;
    }
    return true;
  }
  // Takes one out wherever it is.
  void remove(ConnectionExchange& exchange) noexcept;

  // Pieces of the ready replies at the front that are not written yet, as many as fit.
  std::size_t gather(std::span<iovec> pieces) const noexcept;
  // Counts bytes as written. The next reply that is wholly written is popped by take_written().
  void written(std::size_t bytes) noexcept { written_ += bytes; }
  // The front reply when all of it is written, else null.
  ConnectionExchange* take_written() noexcept;

 private:
  ConnectionExchange* first_ = nullptr;
  ConnectionExchange* last_ = nullptr;
  std::size_t size_ = 0;
  std::size_t written_ = 0;  // of the replies in the queue, from the front
};

}  // namespace ocelli::transport
