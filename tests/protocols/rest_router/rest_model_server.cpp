// Every REST endpoint over the real transport and models made of functions, for clients in Python and for load
// generators. Prints "port N", runs until its standard input ends. Models: dummy (a = b + 1), echo_TYPE (y = x, any
// shape), held (never answers until cancelled).
#include <cstdio>
#include <iostream>
#include <string>

#include "base/log_gate.hpp"
#include "protocols/rest_router/rest_router.hpp"
#include "support/echo_models.hpp"
#include "transport/http/http_server.hpp"

namespace {

using namespace ocelli;
using test::FakeServable;

void add_models(test::FakeCatalog& catalog) {
  test::add_echo_models(catalog);
  serving::ServableMetadata metadata;
  metadata.name = "held";
  auto held = std::make_shared<FakeServable>(metadata, [](serving::InferenceCall&) {});
  held->hold_calls = true;
  catalog.add(std::move(held));
}

}  // namespace

int main() {
  auto threads = transport::IoThreads::start(2);
  if (!threads.ok()) return 1;
  BufferPool pool;
  ThreadPool background("test-admin", 1, 16);
  test::FakeCatalog catalog;
  add_models(catalog);
  transport::SharedMemoryRegistry regions;
  rest::RestServices services(catalog, background);
  services.shared_memory = &regions;
  LogGate gate(make_null_log_sink(), LogSettings::from(LogLevel::kInfo));
  services.log = &gate;
  services.server_version = "test";
  rest::RestRouter router(std::move(services));
  transport::HttpOptions options;
  options.addresses = "127.0.0.1";
  auto server = transport::HttpServer::start(std::move(options), router, **threads, pool);
  if (!server.ok()) {
    std::cerr << server.status().to_string() << '\n';
    return 1;
  }
  std::printf("port %u\n", static_cast<unsigned>((*server)->port()));
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
  }
  const auto cut = (*server)->stop(Clock::now() + std::chrono::seconds(5));
  std::puts(cut == 0 ? "stopped" : "requests were cut");
  return cut == 0 ? 0 : 1;
}
