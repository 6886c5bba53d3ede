// OutputQueue: what a connection still has to write, gathered without being copied together.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "transport/grpc/outgoing_message.hpp"

namespace ocelli::transport {

// Small pieces (frame headers, header blocks) are copied into one block, large ones are referred to. Used on one
// thread; reuses its memory.
class OutputQueue {
 public:
  explicit OutputQueue(OutgoingPool& pool) noexcept : pool_(pool) {}
  OutputQueue(const OutputQueue&) = delete;
  OutputQueue& operator=(const OutputQueue&) = delete;
  ~OutputQueue() { clear(); }

  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] bool empty() const noexcept { return bytes_ == 0; }

  // Appends the bytes themselves.
  void copy(std::span<const std::byte> bytes);
  // Appends bytes that belong to message, which is held until they are written. Short ones are copied all the same.
  void refer(std::span<const std::byte> bytes, OutgoingMessage& message);

  // Appends length bytes of a message's wire form (prefix, then body) from offset on.
  void refer_range(OutgoingMessage& message, std::size_t offset, std::size_t length);
  // What still refers to message refers to a copy from now on.
  void detach(OutgoingMessage& message);

  // Fills pieces from the front and returns how many.
  std::size_t gather(std::span<iovec> pieces) const noexcept;
  // The first count bytes are written.
  void consume(std::size_t count) noexcept;
  // Drops everything.
  void clear() noexcept;
  // What the queue itself holds, without what it refers to.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return copied_.capacity() + segments_.capacity() * sizeof(Segment);
  }

 private:
  struct Segment {
    const std::byte* data = nullptr;  // null: at copied_[offset]
    std::size_t offset = 0;
    std::size_t size = 0;
    OutgoingMessage* message = nullptr;
  };
  void drop_front() noexcept;
  void compact() noexcept;

  OutgoingPool& pool_;
  std::vector<Segment> segments_;
  std::size_t front_ = 0;  // first segment that is not written
  std::vector<std::byte> copied_;
  std::size_t bytes_ = 0;
};

}  // namespace ocelli::transport
