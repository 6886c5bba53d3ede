#include "protocols/rpc/unary_inference.hpp"

namespace ocelli::rpc {

void UnaryInference::handle(transport::RpcExchange& exchange) noexcept {
  exchange_ = &exchange;
  open();
  exchange.set_cancel_listener(this);
  take(exchange, {exchange.message().bytes, exchange.message().owner}, exchange.received());
  start();
}

void UnaryInference::on_done(Status status) noexcept {
  if (status.ok()) status = write_reply(exchange_->reply());
  end(status);
  // finish() comes first: until it returns the exchange may still tell us that the client went away.
  exchange_->finish(status);
  home_.release(*this);
}

}  // namespace ocelli::rpc
