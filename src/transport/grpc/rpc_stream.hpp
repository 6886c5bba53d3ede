// RpcStream: one gRPC call on an HTTP/2 stream; the transport's RpcExchange.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "transport/cancel_slot.hpp"
#include "transport/grpc/callback_gate.hpp"
#include "transport/grpc/message_assembler.hpp"
#include "transport/grpc/outgoing_message.hpp"
#include "transport/grpc/rpc_exchange.hpp"
#include "transport/grpc/rpc_headers.hpp"

namespace ocelli::transport {

class Http2Session;

// Pooled by its session, the other half of this type. Whatever is not part of RpcExchange belongs to the session and
// its thread. It goes back to the pool when HTTP/2 is done with the stream and, if a handler got it, the handler with
// the call.
class RpcStream final : public RpcExchange {
 public:
  explicit RpcStream(Http2Session& session);

  [[nodiscard]] std::string_view path() const noexcept override { return path_; }
  [[nodiscard]] std::optional<std::string_view> metadata(std::string_view name) const noexcept override {
    return headers_.find(name);
  }
  [[nodiscard]] const RpcMessage& message() const noexcept override { return message_; }
  [[nodiscard]] TimePoint deadline() const noexcept override { return deadline_; }
  [[nodiscard]] TimePoint received() const noexcept override { return received_; }
  [[nodiscard]] std::string_view remote() const noexcept override;
  [[nodiscard]] BufferPool& pool() noexcept override;
  [[nodiscard]] const std::shared_ptr<ByteBudget>& budget() const noexcept override;
  [[nodiscard]] ReplyBody& reply() noexcept override { return current_->body; }
  void set_stream_listener(RpcStreamListener* listener) noexcept override { listener_ = listener; }
  void set_cancel_listener(CancelListener* listener) noexcept override { cancel_.set(listener); }
  void write() noexcept override;
  void finish(const Status& status) noexcept override;

 private:
  friend class Http2Session;

  // Where the call stands; each is set once per call. No bit fields: handlers' threads read `streaming` while others
  // change.
  struct Progress {
    bool open = false;         // HTTP/2 knows the stream
    bool half_closed = false;  // the client has sent everything
    bool handed = false;       // the handler has the exchange
    bool finished = false;     // the handler called finish()
    bool decided = false;      // the status is known, whoever decided it
    bool begun = false;        // response headers were submitted
    bool streaming = false;
    bool cancel_due = false;  // the handler is to be told, as soon as it is not inside write()
    bool headers_too_large = false;
  };

  // Completes the current message: compressed if that was agreed. Error: it cannot be sent.
  Status seal(OutgoingMessage& message) const noexcept;
  void reset() noexcept;

  Http2Session& session_;
  std::shared_ptr<void> keep_alive_;  // the connection, while a handler has this exchange
  std::int32_t id_ = 0;
  std::uint32_t pins_ = 0;  // callbacks under way that must find this object afterwards
  Progress progress_;

  RpcHeaders headers_;
  std::string_view path_;
  TimePoint deadline_ = kNever;
  TimePoint started_{};   // the headers came
  TimePoint received_{};  // the whole message came, or of streaming calls the headers
  TimePoint fed_{};       // the last request bytes came
  ByteCharge arrived_;    // what came and is in memory, of RpcContext::budget
  MessageAssembler assembler_;
  ByteCharge declared_;  // the message's length, of the session's budget
  RpcMessage message_;
  RpcStreamListener* listener_ = nullptr;
  CancelSlot cancel_;
  CallbackGate gate_;  // around the stream listener

  OutgoingMessage* current_ = nullptr;  // reply()
  OutgoingMessage* first_ = nullptr;    // waiting to be sent
  OutgoingMessage* last_ = nullptr;
  std::size_t sent_ = 0;  // bytes of *first_ that were handed on
  std::size_t waiting_bytes_ = 0;
  TimePoint drained_{};  // the last reply bytes went
  RpcEncoding reply_encoding_ = RpcEncoding::kIdentity;
  Status status_;               // how the call ended, once decided
  std::uint64_t bytes_in_ = 0;  // of messages with their prefixes
  std::uint64_t bytes_out_ = 0;

  RpcStream* previous_ = nullptr;  // among the session's open streams
  RpcStream* next_ = nullptr;
};

}  // namespace ocelli::transport
