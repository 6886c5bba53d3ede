// A bare HTTP server with no model behind it: what the transport alone costs. Each request is answered with 64 bytes;
// POST /echo with its own body. Usage: http_echo [PORT [THREADS]]; prints the port and serves until its standard input
// ends.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "transport/http/http_server.hpp"

namespace {

using namespace ocelli;
using namespace ocelli::transport;

class EchoHandler final : public HttpHandler {
 public:
  void handle(HttpExchange& exchange) noexcept override {
    static constexpr char kReply[64] = {'{', '}'};
    const auto& request = exchange.request();
    if (request.path == "/echo")
      exchange.body.add(request.body, request.body_owner);
    else
      exchange.body.add(std::as_bytes(std::span(kReply)), {});
    exchange.send();
  }
};

}  // namespace

int main(int argc, char** argv) {
  auto threads = IoThreads::start(argc > 2 ? static_cast<std::size_t>(std::atoi(argv[2])) : 2);
  if (!threads.ok()) return std::fprintf(stderr, "%s\n", threads.status().to_string().c_str()), 1;
  BufferPool pool;
  EchoHandler handler;
  HttpOptions options;
  options.addresses = "127.0.0.1";
  options.port = argc > 1 ? static_cast<std::uint16_t>(std::atoi(argv[1])) : 0;
  auto server = HttpServer::start(options, handler, **threads, pool);
  if (!server.ok()) return std::fprintf(stderr, "%s\n", server.status().to_string().c_str()), 1;
  std::printf("%d\n", (*server)->port());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}
