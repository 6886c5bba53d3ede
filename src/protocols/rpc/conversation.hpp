// Conversation: a streaming call in which each message is answered at once, by a function.
#pragma once

#include <functional>
#include <string>

#include "protocols/handoff/object_pool.hpp"
#include "protocols/wire/wire_reader.hpp"
#include "transport/grpc/rpc_exchange.hpp"

namespace ocelli::rpc {

class Conversation final : private transport::RpcStreamListener, private transport::CancelListener {
 public:
  using Pool = handoff::ObjectPool<Conversation>;
  // Answers one message; an error ends the call with it.
  using Answer = std::function<Status(wire::Bytes message, std::string& reply)>;

  Conversation(const Answer& answer, Pool& home) noexcept : answer_(answer), home_(home) {}
  // Takes the call over until it ends.
  void handle(transport::RpcExchange& exchange) noexcept;

 private:
  void on_message(transport::RpcExchange& exchange, transport::RpcMessage message) noexcept override;
  void on_messages_end(transport::RpcExchange&) noexcept override { end({}); }
  void on_client_gone() noexcept override { end(Status(StatusCode::kCancelled, "Request was cancelled")); }
  // All calls come on the connection's thread, so the first end is the only one.
  void end(const Status& status) noexcept;

  const Answer& answer_;
  Pool& home_;
  transport::RpcExchange* exchange_ = nullptr;
};

}  // namespace ocelli::rpc
