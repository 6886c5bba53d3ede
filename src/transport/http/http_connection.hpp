// HttpConnection: one client's HTTP/1 connection, from its first byte to its last.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "transport/event_loop.hpp"
#include "transport/http/body_inflater.hpp"
#include "transport/http/body_receiver.hpp"
#include "transport/http/connection_exchange.hpp"
#include "transport/http/http_loop.hpp"
#include "transport/http/input_bytes.hpp"
#include "transport/http/reply_queue.hpp"
#include "transport/stream.hpp"

namespace ocelli::transport {

// Lives on one loop and is used only on its thread. Deletes itself, never while one of its functions runs. Between
// requests it holds no buffer.
//
// Reading: pump() takes what has arrived through kHead -> kBody -> (kInflate) -> dispatch, again and again, until
// nothing is left, too many requests are unanswered, or the turn is over. Writing: replies leave the queue in the order
// of their requests, as far as they are ready, in gathered writes.
class HttpConnection final : public EventLoop::Watcher {
 public:
  // tls: whether a handshake comes first, which must be over within the header time-out.
  HttpConnection(HttpLoop& loop, std::unique_ptr<Stream> stream, std::string remote, LoadShare share, bool tls);
  ~HttpConnection();

  // Begins to watch and to read.
  void start() noexcept;
  // Instead of start(): answers 503 with that message, whatever the client asks, and closes.
  void start_refused(std::string_view message) noexcept;
  // Server is stopping: closes at once when idle, else after the requests that were begun.
  void begin_stop() noexcept;
  // Ends it now; handlers of unanswered requests are told.
  void close() noexcept;

  void on_ready(std::uint32_t events) noexcept override;
  // A reply has been sent by its handler.
  void on_reply(ConnectionExchange& exchange) noexcept;

  std::size_t index_in_loop = 0;  // HttpLoop's

 private:
  enum class Phase : std::uint8_t {
    kHead,     // waiting for or reading a request's head
    kBody,     // reading its body
    kInflate,  // decompressing it, a step at a time
    kReplies,  // no further request: writing what is due, then closing
    kDrain,    // our side is shut; the rest of what the client sends is thrown away, so that it can read our last reply
  };

  // --- reading (http_connection.cpp)
  void pump() noexcept;
  void resume() noexcept;
  bool process_input() noexcept;
  bool fill() noexcept;
  void note_read(const StreamResult& result) noexcept;
  [[nodiscard]] bool wants_input() const noexcept;
  void on_head_bytes() noexcept;
  void on_head(std::string_view head) noexcept;
  void on_body_bytes() noexcept;
  void inflate_step() noexcept;
  void settle() noexcept;
  void on_peer_end() noexcept;

  // --- requests (http_connection_requests.cpp)
  void begin_request() noexcept;
  bool admit(const RequestHead& head) noexcept;
  [[nodiscard]] bool has_key(const RequestHead& head) const noexcept;
  bool hold(std::size_t bytes) noexcept;
  bool hold_body() noexcept;
  bool refuse_for_memory(std::size_t bytes) noexcept;
  void begin_body(const RequestHead& head) noexcept;
  void finish_body() noexcept;
  void dispatch(std::span<const std::byte> body, BufferRef owner) noexcept;
  void refuse(int status, std::string_view message, bool close_after) noexcept;
  void offer_continue() noexcept;

  // --- writing and the end (http_connection_replies.cpp)
  void flush() noexcept;
  void on_written(ConnectionExchange& exchange) noexcept;
  void log_access(const ConnectionExchange& exchange) noexcept;
  void begin_drain() noexcept;
  void abandon_requests() noexcept;
  void schedule_destruction() noexcept;
  void destroy() noexcept;
  void update_timer() noexcept;
  [[nodiscard]] TimePoint deadline() const noexcept;
  void on_timer() noexcept;

  HttpLoop& loop_;
  std::unique_ptr<Stream> stream_;
  std::string remote_;
  LoadShare share_;

  InputBytes input_;
  ConnectionExchange* current_ = nullptr;  // the request that is being read
  BodyReceiver body_;
  std::unique_ptr<BodyInflater> inflater_;
  ReplyQueue replies_;  // requests that are with their handlers or whose replies are being written

  EventLoop::Timer timer_;
  EventLoop::Task resume_{&call_member<HttpConnection, &HttpConnection::resume>, this};
  EventLoop::Task inflate_{&call_member<HttpConnection, &HttpConnection::inflate_step>, this};
  EventLoop::Task destruction_{&call_member<HttpConnection, &HttpConnection::destroy>, this};

  TimePoint request_started_ = kNever;  // first byte of the request that is being read; in kDrain its begin
  TimePoint body_started_{};
  TimePoint last_progress_{};  // of reading a body, of writing, of anything at all when idle
  std::size_t drained_bytes_ = 0;
  Phase phase_ = Phase::kHead;
  bool handshaking_;         // TLS: nothing readable has come yet
  bool readable_ = false;    // the stream may have more
  bool peer_ended_ = false;  // read to the peer's end
  bool peer_left_ = false;   // the kernel says that the peer has closed; there may be bytes before that
  bool write_blocked_ = false;
  bool continue_due_ = false;  // "100 Continue" waits for earlier replies
  bool pumping_ = false;
  bool resume_pending_ = false;
  bool inflate_pending_ = false;
  bool destruction_pending_ = false;
  bool stopping_ = false;
  bool closed_ = false;
  bool tearing_down_ = false;
};

}  // namespace ocelli::transport
