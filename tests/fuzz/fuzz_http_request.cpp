// Bytes of a client against the whole HTTP request path, through a connection without a socket. The first byte says how
// the bytes are cut into reads and whether handlers answer at once or later; the rest is what the client sends.
#include <sys/epoll.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "transport/http/http_connection.hpp"
#include "transport/http/http_loop.hpp"

namespace {

using namespace ocelli;
using namespace ocelli::transport;

// What the connection reads is given piece by piece; what it writes is taken in pieces and checked to begin like
// replies.
class MemoryStream final : public Stream {
 public:
  struct Pipe {
    std::span<const std::byte> arrived;
    bool ended = false;
    bool open = true;
    std::string written;
  };
  MemoryStream(Pipe& pipe, std::size_t write_limit) : pipe_(pipe), write_limit_(write_limit) {}
  ~MemoryStream() override { pipe_.open = false; }

  [[nodiscard]] int descriptor() const noexcept override { return -1; }
  StreamResult read(std::span<std::byte> into) noexcept override {
    const std::size_t part = std::min(into.size(), pipe_.arrived.size());
    if (part == 0) return {0, pipe_.ended ? StreamState::kEnd : StreamState::kDrained};
    std::memcpy(into.data(), pipe_.arrived.data(), part);
    pipe_.arrived = pipe_.arrived.subspan(part);
    return {part, StreamState::kMore};
  }
  StreamResult write(std::span<const iovec> pieces) noexcept override {
    std::size_t total = 0;
    for (const auto& piece : pieces) {
      const std::size_t part = std::min(piece.iov_len, write_limit_ - total);
      pipe_.written.append(static_cast<const char*>(piece.iov_base), part);
      total += part;
      if (total == write_limit_) return {total, StreamState::kDrained};
    }
    return {total, StreamState::kMore};
  }
  void shutdown_write() noexcept override {}

 private:
  Pipe& pipe_;
  std::size_t write_limit_;
};

class FuzzHandler final : public HttpHandler, public CancelListener {
 public:
  void handle(HttpExchange& exchange) noexcept override {
    const auto& request = exchange.request();
    if (!request.body.empty() && !request.body_owner) std::abort();
    if (const auto length = exchange.header("inference-header-content-length")) exchange.body.text().assign(*length);
    exchange.body.add(request.body, request.body_owner);
    if (!later) return exchange.send();
    exchange.set_cancel_listener(this);
    waiting.push_back(&exchange);
  }
  void on_client_gone() noexcept override {}
  void answer_all() {
    for (auto* exchange : std::exchange(waiting, {})) exchange->send();
  }
  bool later = false;
  std::vector<HttpExchange*> waiting;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  static BufferPool pool(std::size_t{8} << 20);
  const unsigned mode = data[0];
  static EventLoop* const loop = std::move(EventLoop::create()).value().release();
  FuzzHandler handler;
  handler.later = (mode & 1) != 0;
  HttpOptions options;
  options.limits.max_body_bytes = std::size_t{1} << 20;
  options.limits.max_pipelined = 4;
  options.min_asked_gzip_bytes = 16;
  const HttpService service(std::move(options), handler, pool);
  HttpLoop home(*loop, service);
  MemoryStream::Pipe pipe;
  auto* connection = new HttpConnection(home, std::make_unique<MemoryStream>(pipe, (mode & 2) != 0 ? 50 : SIZE_MAX),
                                        "192.0.2.1:1", LoadShare(*loop), false);
  connection->start();

  const std::size_t step = (mode >> 2) % 8 == 0 ? size : (mode >> 2) % 8 == 1 ? 1 : (mode >> 2);
  auto rest = std::as_bytes(std::span(data + 1, size - 1));
  while (!rest.empty() && pipe.open) {
    pipe.arrived = rest.first(std::min(step, rest.size()));
    rest = rest.subspan(pipe.arrived.size());
    for (int round = 0; round < 2 && pipe.open; ++round) {
      connection->on_ready(EPOLLIN | EPOLLOUT);
      loop->run_once(Duration::zero());
      if (round == 1) handler.answer_all();
    }
  }
  if (pipe.open) {
    pipe.ended = true;
    connection->on_ready(EPOLLIN | EPOLLRDHUP | ((mode & 128) != 0 ? EPOLLHUP : 0U));
  }
  handler.answer_all();
  for (int round = 0; round < 100 && home.counters.open_connections.load() > 0; ++round) {
    loop->run_once(Duration::zero());
    handler.answer_all();
    if (pipe.open) connection->on_ready(EPOLLOUT);
    if (round == 90 && pipe.open) connection->close();
  }
  if (home.counters.open_connections.load() != 0 || home.counters.requests_in_flight.load() != 0) std::abort();
  if (!pipe.written.empty() && !pipe.written.starts_with("HTTP/1.1 ")) std::abort();
  return 0;
}
