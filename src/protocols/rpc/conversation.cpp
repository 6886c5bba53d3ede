#include "protocols/rpc/conversation.hpp"

#include <exception>
#include <utility>

#include "protocols/rpc/parsing_charge.hpp"

namespace ocelli::rpc {

void Conversation::handle(transport::RpcExchange& exchange) noexcept {
  exchange_ = &exchange;
  exchange.set_stream_listener(this);
  exchange.set_cancel_listener(this);
}

void Conversation::on_message(transport::RpcExchange& exchange, transport::RpcMessage message) noexcept {
  Status status;
  ByteCharge parsed;
  try {
    status = charge_parsing(exchange, message.bytes.size(), parsed);
    if (status.ok()) status = answer_(message.bytes, exchange.reply().text());
  } catch (const std::exception&) {
    status = Status(StatusCode::kResourceExhausted, "Not enough memory for the request");
  }
  if (!status.ok()) return end(status);
  exchange.write();
}

void Conversation::end(const Status& status) noexcept {
  if (!exchange_) return;
  std::exchange(exchange_, nullptr)->finish(status);
  home_.release(*this);
}

}  // namespace ocelli::rpc
