// RpcExchange: one gRPC call as handlers see it: bytes of messages in, bytes of messages out.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/clock.hpp"
#include "base/status.hpp"
#include "tensor/buffer.hpp"
#include "tensor/buffer_pool.hpp"
#include "tensor/byte_charge.hpp"
#include "transport/body.hpp"
#include "transport/http/http_exchange.hpp"

namespace ocelli::transport {

// A message that is wholly in memory, decompressed. Of a streaming call it brings what it takes of the memory that
// requests may have, which is given back with it; of a unary call the exchange keeps that.
struct RpcMessage {
  std::span<const std::byte> bytes;
  BufferRef owner;
  ByteCharge charge{};             // of the server, see RpcExchange::budget()
  ByteCharge connection_charge{};  // of its connection
};

class RpcExchange;

// For calls in which the client streams: told of each further message and of the end, on the connection's thread.
class RpcStreamListener {
 public:
  virtual void on_message(RpcExchange& exchange, RpcMessage message) noexcept = 0;
  // The client sent its last message (half-close).
  virtual void on_messages_end(RpcExchange& exchange) noexcept = 0;

 protected:
  ~RpcStreamListener() = default;
};

// Unary calls: handle() is called with message() complete; fill reply() and call finish(). Streaming calls
// (RpcHandler::streaming says which): handle() is called on the headers; messages come to the stream listener; write()
// sends one, finish({}) ends. write() and finish() may be called from any thread. Pooled by the connection: no
// allocation in the steady state.
class RpcExchange {
 public:
  virtual ~RpcExchange() = default;

  // "/inference.GRPCInferenceService/ModelInfer".
  [[nodiscard]] virtual std::string_view path() const noexcept = 0;
  // First metadata value of that name (lower case).
  [[nodiscard]] virtual std::optional<std::string_view> metadata(std::string_view name) const noexcept = 0;
  [[nodiscard]] virtual const RpcMessage& message() const noexcept = 0;
  // From grpc-timeout; kNever without.
  [[nodiscard]] virtual TimePoint deadline() const noexcept = 0;
  [[nodiscard]] virtual TimePoint received() const noexcept = 0;
  [[nodiscard]] virtual std::string_view remote() const noexcept = 0;
  [[nodiscard]] virtual BufferPool& pool() noexcept = 0;
  // What all requests of this server share; messages are charged to it already. Who makes more of one charges that too.
  [[nodiscard]] virtual const std::shared_ptr<ByteBudget>& budget() const noexcept = 0;

  // The message that write() or finish() sends next: text() is the wire form's beginning, pieces follow.
  [[nodiscard]] virtual ReplyBody& reply() noexcept = 0;
  virtual void set_stream_listener(RpcStreamListener* listener) noexcept = 0;
  // As HttpExchange: told once when the call is reset, its deadline passes or the connection ends, never after
  // finish(): while another thread is telling the listener, finish() and set_cancel_listener(nullptr) return only when
  // it has been told. finish() is still called afterwards, perhaps from within the listener.
  virtual void set_cancel_listener(CancelListener* listener) noexcept = 0;
  // Streaming only: sends reply() as one message and clears it. No listener is ever called from within write() or
  // finish().
  virtual void write() noexcept = 0;
  // Ends the call. With an OK status a unary call sends reply() first. The object must not be touched afterwards.
  virtual void finish(const Status& status) noexcept = 0;
};

// Thread-safe; handle() must not block.
class RpcHandler {
 public:
  virtual ~RpcHandler() = default;
  // Whether there is such a method; the transport answers UNIMPLEMENTED to others as soon as their headers are there.
  [[nodiscard]] virtual bool known(std::string_view /*path*/) const noexcept { return true; }
  // Whether that method streams from the client or to it (set_stream_listener() must then be called within handle()).
  [[nodiscard]] virtual bool streaming(std::string_view path) const noexcept = 0;
  // Given the first bytes of a unary message (as many as came with the first frame), the offset from which its bulk
  // begins: the transport places the message so that this byte is 64-byte aligned. 0: no wish.
  [[nodiscard]] virtual std::size_t bulk_offset(std::string_view path,
                                                std::span<const std::byte> prefix) const noexcept = 0;
  virtual void handle(RpcExchange& exchange) noexcept = 0;
};

}  // namespace ocelli::transport
