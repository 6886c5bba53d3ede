// Replies: gathered writes in the order of the requests, the connection's end, and its deadlines.
#include <algorithm>
#include <array>
#include <utility>

#include "transport/http/http_connection.hpp"

namespace ocelli::transport {
namespace {

// How long a client may take to read our last reply after we have shut our side.
constexpr Duration kDrainTimeout = std::chrono::seconds(2);
// The same while the server stops.
constexpr Duration kStoppingDrainTimeout = std::chrono::milliseconds(250);

}  // namespace

void HttpConnection::on_reply(ConnectionExchange& exchange) noexcept {
  loop_.counters.requests_in_flight.fetch_sub(1, std::memory_order_relaxed);
  exchange.set_ready();
  if (closed_) {
    if (tearing_down_) return;
    replies_.remove(exchange);
    loop_.give_back(exchange);
    return schedule_destruction();
  }
  // Only the last request of a connection can be the one after which it is closed.
  const bool last = phase_ == Phase::kReplies && &exchange == replies_.last();
  exchange.write_head(last || !exchange.head().keep_alive, loop_.service.common_headers);
  if (pumping_) return;  // written at the end of the round, together with its neighbours
  flush();
  pump();  // reading may have waited for this reply
}

void HttpConnection::flush() noexcept {
  while (!closed_) {
    std::array<iovec, Stream::kMaxPieces> pieces;
    const std::size_t count = replies_.gather(pieces);
    if (count == 0) break;
    const auto result = stream_->write(std::span(pieces).first(count));
    if (result.bytes > 0) {
      last_progress_ = loop_.loop.now();
      loop_.counters.bytes_sent.fetch_add(result.bytes, std::memory_order_relaxed);
      replies_.written(result.bytes);
    }
    if (result.state == StreamState::kFailed) return close();
    while (auto* exchange = replies_.take_written()) {
      on_written(*exchange);
      if (closed_ || phase_ == Phase::kDrain) return;
    }
    write_blocked_ = result.state == StreamState::kDrained;
    if (write_blocked_) return;
  }
  write_blocked_ = false;
}

void HttpConnection::on_written(ConnectionExchange& exchange) noexcept {
  if (loop_.service.options.access_log) log_access(exchange);
  const bool closes = exchange.closes();
  loop_.give_back(exchange);
  if (closes || (replies_.empty() && phase_ == Phase::kReplies)) return begin_drain();
  if (continue_due_ && replies_.empty()) offer_continue();
}

void HttpConnection::log_access(const ConnectionExchange& exchange) noexcept {
  observability::AccessRecord record;
  record.interface = "REST";
  record.remote = remote_;
  record.method = exchange.head().method_name.empty() ? "-" : exchange.head().method_name;
  record.path = exchange.head().target;
  record.status = exchange.status;
  record.bytes_in = exchange.bytes_received;
  record.bytes_out = exchange.reply_size();
  record.took = Clock::now() - exchange.request().received;
  record.traceparent = exchange.header("traceparent").value_or(std::string_view());
  record.note = exchange.log_note;
  loop_.service.options.access_log->record(record);
}

// Closing a socket that holds unread bytes resets the connection and can take our reply away from the client: shut our
// side, and read on for a moment.
void HttpConnection::begin_drain() noexcept {
  if (peer_ended_) return close();
  phase_ = Phase::kDrain;
  write_blocked_ = false;
  input_.clear();
  stream_->shutdown_write();
  request_started_ = loop_.loop.now();
}

void HttpConnection::begin_stop() noexcept {
  if (closed_ || stopping_) return;
  stopping_ = true;
  if (phase_ == Phase::kHead) {
    if (replies_.empty()) return close();
    phase_ = Phase::kReplies;
    input_.clear();
  }
}

void HttpConnection::close() noexcept {
  if (closed_) return;
  closed_ = true;
  timer_.disarm();
  if (stream_->descriptor() >= 0) loop_.loop.unwatch(stream_->descriptor(), *this);
  stream_.reset();
  input_.clear();
  body_.clear();
  if (!inflate_pending_) inflater_.reset();
  if (current_) loop_.give_back(*std::exchange(current_, nullptr));
  abandon_requests();
  schedule_destruction();
}

// Unwritten replies are dropped; unanswered requests are left to their handlers. One whose reply is on its way here
// from another thread stays in the queue.
void HttpConnection::abandon_requests() noexcept {
  tearing_down_ = true;
  ReplyQueue arriving;
  while (!replies_.empty()) {
    auto& exchange = replies_.pop();
    if (!exchange.ready()) {
      loop_.counters.client_gone.fetch_add(1, std::memory_order_relaxed);
      // Its body is counted as long as the handler has it. Afterwards the exchange may be gone.
      if (exchange.abandon()) {
        loop_.counters.requests_in_flight.fetch_sub(1, std::memory_order_relaxed);
        continue;
      }
    }
    if (exchange.ready())
      loop_.give_back(exchange);
    else
      arriving.push(exchange);
  }
  replies_ = arriving;
  tearing_down_ = false;
}

// Not at once: functions of this object may be on the stack, and tasks of it in the loop's queue.
void HttpConnection::schedule_destruction() noexcept {
  if (replies_.empty() && !resume_pending_ && !inflate_pending_ && !destruction_pending_) {
    destruction_pending_ = true;
    loop_.loop.submit(destruction_);
  }
}

void HttpConnection::destroy() noexcept { delete this; }

TimePoint HttpConnection::deadline() const noexcept {
  const auto& limits = loop_.service.options.limits;
  TimePoint when = kNever;
  if (phase_ == Phase::kDrain) return request_started_ + (stopping_ ? kStoppingDrainTimeout : kDrainTimeout);
  if (write_blocked_) when = last_progress_ + limits.progress_timeout;
  if (handshaking_) {
    when = last_progress_ + limits.header_timeout;
  } else if (phase_ == Phase::kHead) {
    if (request_started_ != kNever)
      when = std::min(when, request_started_ + limits.header_timeout);
    else if (replies_.empty())
      when = std::min(when, last_progress_ + limits.idle_timeout);
  } else if (phase_ == Phase::kBody) {
    const auto earned = std::chrono::seconds(body_.size() / limits.min_body_bytes_per_second);
    when = std::min({when, last_progress_ + limits.progress_timeout, body_started_ + limits.progress_timeout + earned});
  }
  return when;
}

void HttpConnection::update_timer() noexcept {
  const auto when = deadline();
  if (when != timer_.when()) timer_.arm(when);
}

void HttpConnection::on_timer() noexcept {
  const auto when = deadline();
  if (when > loop_.loop.now()) return timer_.arm(when);
  const bool idle = phase_ == Phase::kHead && request_started_ == kNever;
  if (phase_ != Phase::kDrain && (!idle || handshaking_ || write_blocked_))
    loop_.counters.timeouts.fetch_add(1, std::memory_order_relaxed);
  // Who does not read would not read an error either; who stopped in the middle of a request is told.
  if (idle || write_blocked_ || phase_ == Phase::kDrain) return close();
  if (phase_ == Phase::kHead) begin_request();
  refuse(408, phase_ == Phase::kBody ? "The request body arrives too slowly" : "The request header arrives too slowly",
         true);
}

}  // namespace ocelli::transport
