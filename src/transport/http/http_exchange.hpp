// HttpExchange: one HTTP request and its reply, as handlers see them. Knows sockets no more than models.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "tensor/buffer.hpp"
#include "tensor/buffer_pool.hpp"
#include "tensor/byte_budget.hpp"
#include "transport/body.hpp"

namespace ocelli::transport {

// Methods of HTTP that handlers tell apart.
enum class HttpMethod : unsigned char { kGet, kPost, kPut, kDelete, kHead, kOptions, kPatch, kOther };

// A request that is wholly in memory. Views point into the exchange and live until the reply is sent.
struct HttpRequest {
  HttpMethod method = HttpMethod::kGet;
  std::string_view path;   // as sent, percent-encoded, without the query
  std::string_view query;  // after '?', may be empty
  // The body, gunzipped when it was sent so. When the request had Inference-Header-Content-Length: L, byte L of it is
  // 64-byte aligned, so that the first binary tensor can be used in place.
  std::span<const std::byte> body;
  BufferRef body_owner;
  std::string_view remote;  // "address:port"
  TimePoint received{};
};

// Called on the connection's own thread when the client goes away before the reply was sent. Never after send().
class CancelListener {
 public:
  virtual void on_client_gone() noexcept = 0;

 protected:
  ~CancelListener() = default;
};

// Valid from HttpHandler::handle() until send(). send() may be called from any thread, exactly once; all else only by
// whoever handles the request at that time. Pooled by its connection: no allocation in the steady state.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;

  // What the client sent.
  [[nodiscard]] virtual const HttpRequest& request() const noexcept = 0;
  // First header of that name, case-insensitive; empty optional when absent.
  [[nodiscard]] virtual std::optional<std::string_view> header(std::string_view name) const noexcept = 0;
  // The client named a content coding and nothing else, so that binary replies are compressed, too.
  [[nodiscard]] virtual bool asks_for_coding() const noexcept = 0;
  // Where request and reply buffers of this server come from.
  [[nodiscard]] virtual BufferPool& pool() noexcept = 0;
  // What all requests of this server share; the body is charged to it already. Who makes more of it charges that too.
  [[nodiscard]] virtual const std::shared_ptr<ByteBudget>& budget() const noexcept = 0;

  // The reply, filled before send(). Default: 200, "application/json", no body. Common headers (CORS, connection) are
  // the transport's.
  int status = 200;
  std::string_view content_type = "application/json";                   // must outlive the exchange: a literal
  std::vector<std::pair<std::string_view, std::string>> extra_headers;  // names are literals
  ReplyBody body;
  // Shown in the access log; a literal or owned by something that outlives the exchange.
  std::string_view log_note;

  // Registers who is told when the client goes away (null: nobody). If it is gone already the listener is called at
  // once.
  virtual void set_cancel_listener(CancelListener* listener) noexcept = 0;
  // Sends the reply and ends the exchange. The object must not be touched afterwards.
  virtual void send() noexcept = 0;
};

// Thread-safe. handle() runs on a connection's thread and must not block; it may call send() before it returns.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  virtual void handle(HttpExchange& exchange) noexcept = 0;
};

}  // namespace ocelli::transport
