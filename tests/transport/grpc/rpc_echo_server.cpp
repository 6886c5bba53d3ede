// The echo server as a program, for clients in other languages and for measurements. Prints "port N", runs until its
// standard input ends, then stops gracefully and prints "stopped".
//   rpc_echo_server [--threads N] [--tls CERT KEY [CLIENT_CA]] [--key API_KEY] [--limit BYTES] [--streams N] [--gzip]
//   [--port N]
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/buffer_pool.hpp"
#include "transport/grpc/rpc_echo.hpp"
#include "transport/grpc/rpc_server.hpp"

namespace {

using namespace ocelli;
using namespace ocelli::transport;

struct Arguments {
  std::size_t threads = 2;
  std::uint16_t port = 0;
  TlsOptions tls;
  RpcOptions options;
};

Arguments parse(const std::vector<std::string>& words) {
  Arguments arguments;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto next = [&] {
      return i + 1 < words.size() && !words[i + 1].starts_with("--") ? words[++i] : std::string();
    };
    if (words[i] == "--threads") arguments.threads = std::stoul(next());
    if (words[i] == "--port") arguments.port = static_cast<std::uint16_t>(std::stoul(next()));
    if (words[i] == "--key") arguments.options.api_key = next();
    if (words[i] == "--limit") arguments.options.limits.max_body_bytes = std::stoul(next());
    if (words[i] == "--streams") arguments.options.max_streams = static_cast<std::uint32_t>(std::stoul(next()));
    if (words[i] == "--gzip") arguments.options.reply_encoding = RpcEncoding::kGzip;
    if (words[i] == "--tls") {
      arguments.tls.certificate_file = next();
      arguments.tls.key_file = next();
      arguments.tls.client_ca_file = next();
    }
  }
  return arguments;
}

int fail(const Status& status) {
  std::cerr << status.to_string() << '\n';
  return EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = parse({argv + 1, argv + argc});
  auto threads = IoThreads::start(arguments.threads);
  if (!threads.ok()) return fail(threads.status());
  std::unique_ptr<TlsContext> tls;
  if (!arguments.tls.certificate_file.empty()) {
    auto context = TlsContext::create(arguments.tls, {"h2"});
    if (!context.ok()) return fail(context.status());
    tls = std::move(*context);
  }
  BufferPool pool;
  test::EchoHandler handler;
  RpcServerParts parts;
  parts.options = arguments.options;
  parts.handler = &handler;
  parts.pool = &pool;
  parts.threads = threads->get();
  parts.tls = tls.get();
  auto server = RpcServer::start(std::move(parts), "127.0.0.1", arguments.port);
  if (!server.ok()) return fail(server.status());
  std::printf("port %u\n", (*server)->port());
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
  }
  const bool stopped = (*server)->stop(std::chrono::seconds(5));
  std::puts(stopped ? "stopped" : "calls are left");
  return stopped ? EXIT_SUCCESS : EXIT_FAILURE;
}
