// OutgoingMessage: one message, or the end of a call, on its way from a handler to the socket. OutgoingPool: reuses
// them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/status.hpp"
#include "transport/body.hpp"
#include "transport/grpc/rpc_compression.hpp"
#include "transport/grpc/rpc_wire.hpp"

namespace ocelli::transport {

class RpcStream;

// Filled by whoever handles the call, then only touched on the connection's thread.
struct OutgoingMessage {
  RpcStream* stream = nullptr;
  ReplyBody body;
  OwnedBytes encoded;  // the compressed body, when compressed
  bool compressed = false;
  bool has_body = false;
  bool ends_call = false;
  Status status;  // of the call, when it ends
  MessagePrefix prefix{};
  OutgoingMessage* next = nullptr;
  std::uint32_t references = 0;  // bytes in the output that point here, and the stream that has it queued

  [[nodiscard]] std::size_t body_bytes() const noexcept { return compressed ? encoded.bytes.size() : body.size(); }
  [[nodiscard]] std::size_t wire_bytes() const noexcept { return kMessagePrefixBytes + body_bytes(); }
  // Empty, and nothing it referred to is held any longer; the capacity of a usual reply stays.
  void clear() noexcept {
    stream = nullptr;
    body.recycle();
    encoded = {};
    compressed = has_body = ends_call = false;
    status = Status();
    next = nullptr;
    references = 0;
  }
};

// Thread-safe. Keeps up to kKept idle messages of a connection.
class OutgoingPool {
 public:
  OutgoingMessage* get() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return new OutgoingMessage;
    auto* message = idle_.back().release();
    idle_.pop_back();
    return message;
  }
  void put(OutgoingMessage* message) noexcept {
    std::unique_ptr<OutgoingMessage> owned(message);
    owned->clear();
    const std::lock_guard lock(mutex_);
    if (idle_.size() < idle_.capacity()) idle_.push_back(std::move(owned));
  }
  // Drops one reference of the connection's thread.
  void unref(OutgoingMessage* message) noexcept {
    if (--message->references == 0) put(message);
  }

  OutgoingPool() { idle_.reserve(kKept); }

 private:
  static constexpr std::size_t kKept = 64;
  std::mutex mutex_;
  std::vector<std::unique_ptr<OutgoingMessage>> idle_;
};

}  // namespace ocelli::transport
