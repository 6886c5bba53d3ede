// Reading: what arrives, in which order it is taken apart, and what a silent or a gone peer means.
#include "transport/http/http_connection.hpp"

#include <sys/epoll.h>

#include <new>

namespace ocelli::transport {
namespace {

// One read of heads and small bodies. A large body's first part lands here too and is copied once, so it is kept small.
constexpr std::size_t kReadBytes = std::size_t{16} * 1024;
// One connection's turn: reads until others on its thread go first.
constexpr int kReadsPerTurn = 16;
// What is thrown away after our last reply before the connection is cut.
constexpr std::size_t kMaxDrainedBytes = std::size_t{4} << 20;
constexpr std::size_t kMinTail = 2048;

}  // namespace

HttpConnection::HttpConnection(HttpLoop& loop, std::unique_ptr<Stream> stream, std::string remote, LoadShare share,
                               bool tls)
    : loop_(loop),
      stream_(std::move(stream)),
      remote_(std::move(remote)),
      share_(std::move(share)),
      timer_(loop.loop, &call_member<HttpConnection, &HttpConnection::on_timer>, this),
      last_progress_(loop.loop.now()),
      handshaking_(tls) {
  loop_.counters.open_connections.fetch_add(1, std::memory_order_relaxed);
  loop_.add(*this);
}

HttpConnection::~HttpConnection() {
  loop_.remove(*this);
  loop_.counters.open_connections.fetch_sub(1, std::memory_order_release);
}

void HttpConnection::start() noexcept {
  if (stream_->descriptor() >= 0 && !loop_.loop.watch(stream_->descriptor(), *this).ok()) return close();
  readable_ = true;
  pump();
}

void HttpConnection::start_refused(std::string_view message) noexcept {
  if (stream_->descriptor() >= 0 && !loop_.loop.watch(stream_->descriptor(), *this).ok()) return close();
  begin_request();
  refuse(http_status(StatusCode::kUnavailable), message, true);
}

void HttpConnection::on_ready(std::uint32_t events) noexcept {
  if (closed_) return;
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) return close();
  if ((events & EPOLLRDHUP) != 0) peer_left_ = true;
  if ((events & (EPOLLIN | EPOLLRDHUP)) != 0) readable_ = true;
  if (write_blocked_) flush();
  pump();
}

void HttpConnection::resume() noexcept {
  resume_pending_ = false;
  if (closed_)
    schedule_destruction();
  else
    pump();
}

void HttpConnection::pump() noexcept {
  if (pumping_ || closed_) return;
  pumping_ = true;
  int reads = 0;
  while (true) {
    const bool needs_more = process_input();
    flush();
    if (closed_ || !wants_input()) break;
    if (!needs_more) continue;  // it had stopped for replies that are written now
    if (!readable_) break;
    if (reads++ == kReadsPerTurn) {
      if (!std::exchange(resume_pending_, true)) loop_.loop.submit(resume_);
      break;
    }
    if (!fill()) break;
  }
  pumping_ = false;
  settle();
}

bool HttpConnection::wants_input() const noexcept {
  switch (phase_) {
    case Phase::kHead:
      return replies_.size() < loop_.service.options.limits.max_pipelined;
    case Phase::kBody:
    case Phase::kDrain:
      return true;
    default:
      return false;
  }
}

// Takes requests apart until the bytes are used up (true: only more of them help) or no further request is wanted
// (false).
bool HttpConnection::process_input() noexcept {
  while (!input_.empty() && !closed_ && wants_input()) {
    const auto before = input_.bytes().size();
    const auto phase = phase_;
    if (phase_ == Phase::kHead)
      on_head_bytes();
    else if (phase_ == Phase::kBody)
      on_body_bytes();
    else
      input_.clear();
    if (!closed_ && phase_ == phase && input_.bytes().size() == before) return true;  // an unfinished head
  }
  return input_.empty();
}

// Reads once, to where the bytes are needed. False when nothing came.
bool HttpConnection::fill() noexcept {
  if (phase_ == Phase::kBody && input_.empty()) {
    const auto room = body_.room();
    if (!room.empty()) {
      const auto result = stream_->read(room);
      body_.filled(result.bytes);
      note_read(result);
      if (result.bytes > 0 && hold_body() && body_.complete()) finish_body();
      return result.bytes > 0;
    }
  }
  if (input_.empty()) {
    const auto scratch = loop_.loop.scratch().first(kReadBytes);
    const auto result = stream_->read(scratch);
    if (phase_ == Phase::kDrain)
      drained_bytes_ += result.bytes;
    else
      input_.borrow(scratch.first(result.bytes));
    note_read(result);
    if (drained_bytes_ > kMaxDrainedBytes) close();
    return result.bytes > 0;
  }
  try {
    const auto result = stream_->read(input_.tail(loop_.service.pool, kMinTail));
    input_.added(result.bytes);
    note_read(result);
    return result.bytes > 0;
  } catch (const std::bad_alloc&) {
    close();
    return false;
  }
}

void HttpConnection::note_read(const StreamResult& result) noexcept {
  if (result.bytes > 0) {
    loop_.counters.bytes_received.fetch_add(result.bytes, std::memory_order_relaxed);
    last_progress_ = loop_.loop.now();
    handshaking_ = false;
    if (phase_ == Phase::kHead && request_started_ == kNever) request_started_ = last_progress_;
  }
  if (result.state == StreamState::kMore) return;
  // The peer's end was announced together with these bytes: no further event will come for it.
  if (result.state == StreamState::kDrained && result.bytes > 0 && peer_left_) return;
  readable_ = false;
  if (result.state == StreamState::kEnd) peer_ended_ = true;
  if (result.state == StreamState::kFailed) close();
}

void HttpConnection::on_head_bytes() noexcept {
  // Empty lines before a request are allowed (RFC 9112, section 2.2); the header time-out ends a client that sends
  // nothing else.
  while (input_.text().starts_with("\r\n")) input_.consume(2);
  if (input_.empty()) return;
  if (request_started_ == kNever) request_started_ = loop_.loop.now();  // it came together with the one before
  const auto text = input_.text();
  const auto limit = loop_.service.options.limits.max_header_bytes;
  const auto end = find_head_end(text);
  if (end != std::string_view::npos && end <= limit) return on_head(text.substr(0, end));
  if (text.size() > limit) {
    begin_request();
    return refuse(431, "Request header too large. Limit: " + std::to_string(limit) + " bytes", true);
  }
  if (!may_become_head(text) && text != "\r") {
    begin_request();
    refuse(400, "Malformed HTTP request", true);
  }
}

void HttpConnection::on_body_bytes() noexcept {
  input_.consume(body_.feed(input_.bytes()));
  if (!body_.status().ok()) return refuse(http_status(body_.status().code()), body_.status().message(), true);
  if (hold_body() && body_.complete()) finish_body();
}

void HttpConnection::inflate_step() noexcept {
  inflate_pending_ = false;
  if (closed_) return schedule_destruction();
  const auto progress = inflater_->step();
  const bool failed = progress == BodyInflater::Progress::kFailed;
  const bool refused = !failed && !hold(inflater_->memory());
  if (progress == BodyInflater::Progress::kMore && !refused) {
    inflate_pending_ = true;
    loop_.loop.submit(inflate_);
    return;
  }
  const auto inflater = std::move(inflater_);
  if (failed) {
    refuse(http_status(inflater->status().code()), inflater->status().message(), false);
  } else if (!refused) {
    const auto bytes = inflater->bytes();
    dispatch(bytes, inflater->take());
  }
  pump();
}

// After a turn: keeps what is left over, looks whether the peer is still there, sets the next deadline.
void HttpConnection::settle() noexcept {
  if (closed_) return;
  try {
    input_.keep(loop_.service.pool);
  } catch (const std::bad_alloc&) {
    return close();
  }
  // Bytes may lie before the peer's end: it counts once they are read, or when we would not read them anyway.
  if (peer_ended_ || (peer_left_ && !wants_input())) on_peer_end();
  if (!closed_) update_timer();
}

// The peer will send no more. A client that asked for the connection to be closed after its one request may close its
// own half early and still wait for the reply; for all others it means that nobody is waiting.
void HttpConnection::on_peer_end() noexcept {
  if (phase_ == Phase::kInflate && replies_.empty() && !current_->head().keep_alive) return;
  if (phase_ == Phase::kDrain || current_ != nullptr || replies_.empty()) return close();
  if (replies_.last()->head().keep_alive && !replies_.all_ready()) return close();
  phase_ = Phase::kReplies;
  input_.clear();
}

}  // namespace ocelli::transport
