#include "transport/http/connection_exchange.hpp"

#include <fmt/format.h>

#include "base/letter_case.hpp"
#include "transport/http/http_connection.hpp"
#include "transport/http/http_loop.hpp"
#include "transport/http/reply_coding.hpp"
#include "transport/http/status_line.hpp"

namespace ocelli::transport {
namespace {

// Memory that a pooled exchange may keep for its next request.
constexpr std::size_t kKeptHeadBytes = std::size_t{4} * 1024;

constexpr std::string_view kBinaryReplyHeader = "inference-header-content-length";

bool is_text(std::string_view content_type) noexcept {
  return content_type.starts_with("application/json") || content_type.starts_with("text/");
}

}  // namespace

void ConnectionExchange::begin(HttpConnection& connection, HttpLoop& loop, std::string_view remote,
                               TimePoint received) noexcept {
  connection_ = &connection;
  loop_ = &loop;
  pool_ = &loop.service.pool;
  if (budget_ != loop.service.budget) budget_ = loop.service.budget;
  min_gzip_bytes_ = loop.service.options.min_gzip_bytes;
  min_asked_gzip_bytes_ = loop.service.options.min_asked_gzip_bytes;
  request_ = HttpRequest();
  remote_.assign(remote);
  request_.remote = remote_;
  request_.received = received;
  status = 200;
  content_type = "application/json";
  log_note = {};
  reply_coding_ = ContentCoding::kIdentity;
  bytes_received = 0;
  ready_ = false;
  closes_ = false;
  cancel_.reset();
  state_.store(State::kOpen, std::memory_order_relaxed);
}

std::optional<HeadError> ConnectionExchange::parse(std::string_view head_bytes) {
  head_bytes_.assign(head_bytes);
  auto error = parse_head(head_bytes_, loop_->service.options.limits.max_headers, head_);
  request_.method = head_.method;
  request_.path = head_.path;
  request_.query = head_.query;
  return error;
}

void ConnectionExchange::set_body(std::span<const std::byte> bytes, BufferRef owner) noexcept {
  request_.body = bytes;
  request_.body_owner = std::move(owner);
}

void ConnectionExchange::end() noexcept {
  request_.body = {};
  request_.body_owner.reset();
  extra_headers.clear();
  body.recycle();
  head_.clear();
  head_bytes_.clear();
  if (head_bytes_.capacity() > kKeptHeadBytes) std::string().swap(head_bytes_);
}

void ConnectionExchange::send() noexcept {
  compress_if_wanted();
  cancel_.close();
  auto expected = State::kOpen;
  if (!state_.compare_exchange_strong(expected, State::kSent, std::memory_order_acq_rel)) {
    delete this;  // the connection is gone
    return;
  }
  // From here on the connection waits for the delivery, so it and its loop are alive.
  EventLoop& loop = loop_->loop;
  if (loop.on_thread())
    deliver();
  else
    loop.submit(delivery_);
}

void ConnectionExchange::deliver() noexcept { connection_->on_reply(*this); }

bool ConnectionExchange::abandon() noexcept {
  cancel_.fire();
  auto expected = State::kOpen;
  return state_.compare_exchange_strong(expected, State::kAbandoned, std::memory_order_acq_rel);
}

void ConnectionExchange::compress_if_wanted() noexcept {
  if (head_.accepted_coding == ContentCoding::kIdentity) return;
  if (body.size() < (head_.accepts_only_coding ? min_asked_gzip_bytes_ : min_gzip_bytes_) || !sends_body()) return;
  bool text = is_text(content_type);
  for (const auto& [name, value] : extra_headers) {
    if (same_letters(name, "content-encoding")) return;
    if (same_letters(name, kBinaryReplyHeader)) text = false;
  }
  if (!text && !head_.accepts_only_coding) return;
  if (compress_body(body, head_.accepted_coding, *pool_)) reply_coding_ = head_.accepted_coding;
}

bool ConnectionExchange::sends_body() const noexcept {
  return head_.method != HttpMethod::kHead && status != 204 && status != 304;
}

void ConnectionExchange::write_head(bool close, std::string_view common_headers) {
  closes_ = close;
  auto& out = reply_head_;
  out.clear();
  append_status_line(out, status);
  if (status != 204 && status != 304) {
    const std::size_t size = body.size();
    out += "Content-Length: ";
    const fmt::format_int digits(size);
    out.append(digits.data(), digits.size());
    out += "\r\n";
    if (size > 0) out.append("Content-Type: ").append(content_type).append("\r\n");
  }
  if (reply_coding_ != ContentCoding::kIdentity) {
    out += reply_coding_ == ContentCoding::kGzip ? "Content-Encoding: gzip\r\n" : "Content-Encoding: deflate\r\n";
    out += "Vary: Accept-Encoding\r\n";
  }
  for (const auto& [name, value] : extra_headers) out.append(name).append(": ").append(value).append("\r\n");
  if (close)
    out += "Connection: close\r\n";
  else if (head_.http_1_0)
    out += "Connection: keep-alive\r\n";
  out += common_headers;
  out += "\r\n";
}

}  // namespace ocelli::transport
