// PacketSocket: one end of the connected pair that carries messages, each with at most one file descriptor.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "backends/openvino_c/protocol/message.hpp"
#include "base/status.hpp"

namespace ocelli::openvino_c {

// Owns a file descriptor; -1 is none.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    other.reset();
    return *this;
  }
  ~Descriptor() { reset(); }

  // Closes it.
  void reset() noexcept;
  [[nodiscard]] int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// What came in one packet; bytes belong to the socket and stay until the next receive().
struct Packet {
  std::span<const std::byte> bytes;
  Descriptor attached;
};

// send() and receive() may run on two threads at once, but each on one at a time.
class PacketSocket {
 public:
  PacketSocket() = default;
  explicit PacketSocket(Descriptor fd) : fd_(std::move(fd)), buffer_(kMaxMessage) {}

  // Both ends, close-on-exec. kResourceExhausted when there are no descriptors left.
  static Result<std::pair<PacketSocket, PacketSocket>> pair();

  // Waits for room until the limit: kDeadlineExceeded. kUnavailable when the other end is gone.
  Status send(std::span<const std::byte> message, int attached = -1,
              std::chrono::milliseconds limit = std::chrono::seconds(5));
  // Does not wait: an empty packet when there is none. kUnavailable when the other end is gone, kInternal for a packet
  // that is too long.
  Result<Packet> receive();

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  void close() noexcept { fd_.reset(); }

 private:
  Descriptor fd_;
  std::vector<std::byte> buffer_;
};

}  // namespace ocelli::openvino_c
