#include "protocols/rest/rest_reply.hpp"

#include "protocols/json/json_text.hpp"

namespace ocelli::rest {

void fill_error(transport::HttpExchange& exchange, const Status& status) {
  constexpr int kNoContent = 204;
  exchange.status = http_status(status.code());
  exchange.content_type = "application/json";
  exchange.extra_headers.clear();
  exchange.body.clear();
  if (exchange.status == kNoContent) return;
  auto& text = exchange.body.text();
  text.append("{\"error\":");
  json::append_quoted(text, status.message());
  text.push_back('}');
}

void send_error(transport::HttpExchange& exchange, const Status& status) noexcept {
  try {
    fill_error(exchange, status);
  } catch (const std::exception&) {
    exchange.status = http_status(StatusCode::kResourceExhausted);
    exchange.body.clear();
  }
  exchange.send();
}

}  // namespace ocelli::rest
