// Requests: from a whole head to the handler, or to the transport's own refusal.
#include <algorithm>
#include <cstring>
#include <utility>

#include "transport/api_key.hpp"
#include "transport/http/error_body.hpp"
#include "transport/http/http_connection.hpp"

namespace ocelli::transport {
namespace {

// Long bodies are counted by so many bytes at a time, as they come: a client that only says how much it will send shuts
// nobody else out.
constexpr std::size_t kHeldAtOnce = std::size_t{1} << 20;

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

void HttpConnection::begin_request() noexcept {
  current_ = &loop_.take_exchange();
  current_->begin(*this, loop_, remote_, request_started_ == kNever ? loop_.loop.now() : request_started_);
}

void HttpConnection::on_head(std::string_view head) noexcept {
  begin_request();
  const auto error = current_->parse(head);
  current_->bytes_received = head.size();
  input_.consume(head.size());
  if (error) return refuse(error->status, error->message, true);
  if (!admit(current_->head())) return;
  begin_body(current_->head());
}

// Whether the request may come in; answers it otherwise.
bool HttpConnection::admit(const RequestHead& head) noexcept {
  const bool has_body = head.framing != BodyFraming::kNone;
  if (head.method == HttpMethod::kOptions && !has_body) {
    finish_body();
    return false;
  }
  if (has_key(head)) return true;
  current_->extra_headers.emplace_back("WWW-Authenticate", "Bearer");
  refuse(401, "Missing or wrong API key", has_body);
  return false;
}

bool HttpConnection::has_key(const RequestHead& head) const noexcept {
  const auto& options = loop_.service.options;
  if (options.api_key.empty() || head.method == HttpMethod::kOptions) return true;
  for (const auto& path : options.open_paths) {
    if (head.path == path) return true;
  }
  if (const auto key = head.find("x-api-key")) return is_api_key(*key, options.api_key);
  return is_bearer_of(head.find("authorization").value_or(""), options.api_key);
}

// Counts the body of the request that is being read as that many bytes of memory; refuses it when the server holds too
// many.
bool HttpConnection::hold(std::size_t bytes) noexcept {
  if (bytes <= ByteBudget::kUncountedBytes || bytes <= current_->held_bytes) return true;
  if (!loop_.service.budget->take(bytes - current_->held_bytes)) return refuse_for_memory(bytes);
  current_->held_bytes = bytes;
  return true;
}

bool HttpConnection::refuse_for_memory(std::size_t bytes) noexcept {
  const auto status = loop_.service.budget->refusal(bytes - current_->held_bytes);
  refuse(http_status(status.code()), status.message(), true);
  return false;
}

// Counts what has come of the body, and a little ahead.
bool HttpConnection::hold_body() noexcept {
  const auto& head = current_->head();
  if (head.framing != BodyFraming::kLength) return hold(body_.size());
  return hold(std::min(head.content_length, (body_.size() / kHeldAtOnce + 1) * kHeldAtOnce));
}

void HttpConnection::begin_body(const RequestHead& head) noexcept {
  if (head.framing == BodyFraming::kNone) return finish_body();
  const auto status = body_.begin(head, loop_.service.options.limits.max_body_bytes, loop_.service.pool);
  if (!status.ok()) return refuse(http_status(status.code()), status.message(), true);
  if (head.framing == BodyFraming::kLength) {
    // What there is no room for now is refused before it is sent.
    const bool counts = head.content_length > ByteBudget::kUncountedBytes;
    if (counts && !loop_.service.budget->has(head.content_length)) {
      refuse_for_memory(head.content_length);
      return;
    }
    if (!hold_body()) return;
  }
  phase_ = Phase::kBody;
  body_started_ = loop_.loop.now();
  if (head.expects_continue && input_.empty()) offer_continue();
}

// "100 Continue" goes out when no earlier reply is under way; until then the client waits.
void HttpConnection::offer_continue() noexcept {
  if (!replies_.empty()) {
    continue_due_ = true;
    return;
  }
  continue_due_ = false;
  const iovec piece{const_cast<char*>(kContinue.data()), kContinue.size()};
  const auto result = stream_->write({&piece, 1});
  // One that does not even take so much reads nothing.
  if (result.bytes != kContinue.size()) close();
}

void HttpConnection::finish_body() noexcept {
  const auto& head = current_->head();
  continue_due_ = false;
  if (head.framing == BodyFraming::kNone) return dispatch({}, {});
  current_->bytes_received += body_.size();
  const auto bytes = body_.bytes();
  if (head.content_coding == ContentCoding::kIdentity || bytes.empty()) return dispatch(bytes, body_.take());
  inflater_ = std::make_unique<BodyInflater>(head.content_coding, bytes, body_.take(), head.json_length,
                                             loop_.service.options.limits.max_body_bytes, loop_.service.pool);
  phase_ = Phase::kInflate;
  inflate_pending_ = true;
  loop_.loop.submit(inflate_);
}

void HttpConnection::dispatch(std::span<const std::byte> body, BufferRef owner) noexcept {
  auto& exchange = *current_;
  current_ = nullptr;
  request_started_ = kNever;
  exchange.set_body(body, std::move(owner));
  phase_ = exchange.head().keep_alive && !stopping_ ? Phase::kHead : Phase::kReplies;
  replies_.push(exchange);
  loop_.counters.requests.fetch_add(1, std::memory_order_relaxed);
  loop_.counters.requests_in_flight.fetch_add(1, std::memory_order_relaxed);
  if (exchange.head().method == HttpMethod::kOptions)
    exchange.send();  // CORS preflight: every path answers 200 with the headers alone
  else
    loop_.service.handler.handle(exchange);
}

// Answers the request that is being read with an error of the transport's own, in its turn. close_after: its end in the
// input cannot be known.
void HttpConnection::refuse(int status, std::string_view message, bool close_after) noexcept {
  auto& exchange = *current_;
  current_ = nullptr;
  request_started_ = kNever;
  body_.clear();
  exchange.give_back_held();
  continue_due_ = false;
  if (close_after) input_.clear();
  phase_ = !close_after && exchange.head().keep_alive && !stopping_ ? Phase::kHead : Phase::kReplies;
  replies_.push(exchange);
  loop_.counters.rejected_requests.fetch_add(1, std::memory_order_relaxed);
  loop_.counters.requests_in_flight.fetch_add(1, std::memory_order_relaxed);
  exchange.status = status;
  append_error_body(exchange.body.text(), message);
  exchange.send();
}

}  // namespace ocelli::transport
