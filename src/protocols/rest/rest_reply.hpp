// Answering REST requests: errors and small texts.
#pragma once

#include <exception>
#include <string_view>
#include <utility>

#include "base/status.hpp"
#include "transport/http/http_exchange.hpp"

namespace ocelli::rest {

// Fills the reply with {"error":"..."} and the code's HTTP status, whatever it held before. 204 has no body.
void fill_error(transport::HttpExchange& exchange, const Status& status);

// fill_error() and send().
void send_error(transport::HttpExchange& exchange, const Status& status) noexcept;

// What function() gives, or kResourceExhausted when it ran out of memory: the one thing that our own code throws about.
template <typename Function>
Status guarded(Function&& function) noexcept {
  try {
    return std::forward<Function>(function)();
  } catch (const std::exception&) {
    return {StatusCode::kResourceExhausted, "Not enough memory for the request"};
  }
}

// Sends what write(exchange) filled, or the error that it gave.
template <typename Write>
void reply_with(transport::HttpExchange& exchange, Write&& write) noexcept {
  const Status status = guarded([&]() -> Status { return write(exchange); });
  if (!status.ok()) return send_error(exchange, status);
  exchange.send();
}

}  // namespace ocelli::rest
