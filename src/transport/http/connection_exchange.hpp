// ConnectionExchange: the HttpExchange of a real connection.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "transport/cancel_slot.hpp"
#include "transport/event_loop.hpp"
#include "transport/http/http_exchange.hpp"
#include "transport/http/request_head.hpp"

namespace ocelli::transport {

class HttpConnection;
class HttpLoop;

// Belongs to its connection's thread, except between dispatch and send(), when the handler has it too. When the
// connection dies in that time the exchange is left to the handler's send(), which then deletes it.
class ConnectionExchange final : public HttpExchange {
 public:
  ConnectionExchange() = default;
  ~ConnectionExchange() override { give_back_held(); }
  ConnectionExchange(const ConnectionExchange&) = delete;
  ConnectionExchange& operator=(const ConnectionExchange&) = delete;

  // --- HttpExchange
  [[nodiscard]] const HttpRequest& request() const noexcept override { return request_; }
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const noexcept override {
    return head_.find(name);
  }
  [[nodiscard]] bool asks_for_coding() const noexcept override { return head_.accepts_only_coding; }
  [[nodiscard]] BufferPool& pool() noexcept override { return *pool_; }
  [[nodiscard]] const std::shared_ptr<ByteBudget>& budget() const noexcept override { return budget_; }
  void set_cancel_listener(CancelListener* listener) noexcept override { cancel_.set(listener); }
  void send() noexcept override;

  // --- the connection's side
  // Makes it empty for a new request.
  void begin(HttpConnection& connection, HttpLoop& loop, std::string_view remote, TimePoint received) noexcept;
  // Keeps a copy of the head and parses it.
  std::optional<HeadError> parse(std::string_view head_bytes);
  void set_body(std::span<const std::byte> bytes, BufferRef owner) noexcept;
  // The body is gone, or was never read.
  void give_back_held() noexcept {
    if (held_bytes > 0) budget_->give_back(std::exchange(held_bytes, 0));
  }
  // Gives back buffers, and memory that an unusually large request made it keep.
  void end() noexcept;

  [[nodiscard]] const RequestHead& head() const noexcept { return head_; }
  // Tells the handler that the client is gone and lets go of the exchange. False when send() was faster: then its
  // delivery is still to come.
  bool abandon() noexcept;
  // The reply was sent and has arrived at the connection.
  [[nodiscard]] bool ready() const noexcept { return ready_; }
  void set_ready() noexcept { ready_ = true; }
  // Writes status line and headers. close: this is the connection's last reply.
  void write_head(bool close, std::string_view common_headers);
  [[nodiscard]] const std::string& reply_head() const noexcept { return reply_head_; }
  [[nodiscard]] bool sends_body() const noexcept;
  [[nodiscard]] std::size_t reply_size() const noexcept {
    return reply_head_.size() + (sends_body() ? body.size() : 0);
  }
  // The last reply of its connection.
  [[nodiscard]] bool closes() const noexcept { return closes_; }

  std::size_t bytes_received = 0;      // head and body as they came
  std::size_t held_bytes = 0;          // taken from the server's ByteBudget; given back with the exchange
  ConnectionExchange* next = nullptr;  // ReplyQueue's

 private:
  enum class State : std::uint8_t { kOpen, kSent, kAbandoned };

  void deliver() noexcept;
  void compress_if_wanted() noexcept;

  HttpRequest request_;
  RequestHead head_;
  std::string head_bytes_;
  std::string remote_;  // a copy: the handler may look at it after the connection is gone
  std::string reply_head_;
  CancelSlot cancel_;
  HttpConnection* connection_ = nullptr;
  HttpLoop* loop_ = nullptr;
  BufferPool* pool_ = nullptr;
  std::shared_ptr<ByteBudget> budget_;  // the server's: an exchange may outlive it
  std::size_t min_gzip_bytes_ = 0;
  std::size_t min_asked_gzip_bytes_ = 0;
  ContentCoding reply_coding_ = ContentCoding::kIdentity;
  std::atomic<State> state_{State::kOpen};
  bool ready_ = false;
  bool closes_ = false;
  EventLoop::Task delivery_{&call_member<ConnectionExchange, &ConnectionExchange::deliver>, this};
};

}  // namespace ocelli::transport
