// Every REST endpoint over the real transport and models made of functions, for clients in Python and for load
// generators. Prints "port N", runs until its standard input ends. Models: dummy (a = b + 1), echo_TYPE (y = x, any
// shape), held (never answers until cancelled).
#include <cstdio>
#include <iostream>
#include <string>

#include "protocols/rest_router/rest_router.hpp"
#include "support/fake_catalog.hpp"
#include "transport/http/http_server.hpp"

namespace {

using namespace ocelli;
using test::FakeServable;

TensorSpec any_shape(std::string name, DataType type) {
  PartialShape shape;
  shape.rank_known = false;
  return {std::move(name), type, shape, ""};
}

// Into the place that the client asked for, else as it is.
void answer(serving::InferenceCall& call, std::string_view name, const Tensor& tensor) {
  for (const auto& requested : call.requested) {
    if (requested.name != name || !requested.destination.data) continue;
    if (requested.destination.bytes < tensor.view.bytes) {
      call.status = invalid_argument("The shared memory region is too small for the output");
      return;
    }
    std::memcpy(requested.destination.data, tensor.view.data, tensor.view.bytes);
    call.outputs.push_back({name, tensor, true});
    return;
  }
  call.outputs.push_back({name, tensor, false});
}

std::shared_ptr<FakeServable> make_echo(DataType type) {
  serving::ServableMetadata metadata;
  metadata.name = "echo_" + std::string(kserve_name(type));
  metadata.inputs = {any_shape("x", type)};
  metadata.outputs = {any_shape("y", type)};
  return std::make_shared<FakeServable>(std::move(metadata), [type](serving::InferenceCall& call) {
    const bool fits = call.inputs.size() == 1 && call.inputs[0].tensor.view.type == type;
    if (fits) return answer(call, "y", call.inputs[0].tensor);
    call.status = invalid_argument("Invalid input precision");
  });
}

void add_models(test::FakeCatalog& catalog) {
  catalog.add(test::make_dummy());
  for (const auto type : {DataType::kBool, DataType::kInt8, DataType::kInt16, DataType::kInt32, DataType::kInt64,
                          DataType::kUint8, DataType::kUint16, DataType::kUint32, DataType::kUint64, DataType::kFp16,
                          DataType::kBf16, DataType::kFp32, DataType::kFp64, DataType::kString}) {
    catalog.add(make_echo(type));
  }
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
