// Every gRPC method over the real transport and models made of functions, for clients in Python. Prints "port N", runs
// until its standard input ends, then stops gracefully. Models: dummy (a = b + 1), echo_TYPE (y = x, any shape of rank
// 1 or 2), two (outputs "large", then "small"), stateful (answers the sequence's control word), held (never answers
// until cancelled).
#include <cstdio>
#include <iostream>
#include <string>

#include "base/log_gate.hpp"
#include "protocols/rpc_router/rpc_router.hpp"
#include "support/echo_models.hpp"
#include "transport/grpc/rpc_server.hpp"
#include "transport/shared_memory/shared_memory_registry.hpp"

namespace {

using namespace ocelli;
using test::any_shape;
using test::FakeServable;
using test::make_tensor;

serving::ServableMetadata metadata_of(std::string name, std::vector<TensorSpec> inputs,
                                      std::vector<TensorSpec> outputs) {
  serving::ServableMetadata metadata;
  metadata.name = std::move(name);
  metadata.inputs = std::move(inputs);
  metadata.outputs = std::move(outputs);
  return metadata;
}

void add_models(test::FakeCatalog& catalog) {
  test::add_echo_models(catalog);
  const auto two = metadata_of("two", {}, {any_shape("large", DataType::kUint8), any_shape("small", DataType::kInt32)});
  catalog.add(std::make_shared<FakeServable>(two, [](serving::InferenceCall& call) {
    const std::string large(1'000'000, 'L');
    const std::int32_t small[2]{-1, 7};
    call.outputs.push_back({"large", make_tensor(DataType::kUint8, {1000, 1000}, large.data(), large.size()), false});
    call.outputs.push_back({"small", make_tensor(DataType::kInt32, {2}, small, sizeof small), false});
  }));
  auto stateful = metadata_of("stateful", {}, {any_shape("control", DataType::kUint32)});
  stateful.stateful = true;
  catalog.add(std::make_shared<FakeServable>(stateful, [](serving::InferenceCall& call) {
    const auto sequence = call.sequence.value_or(serving::SequenceControl{});
    call.outputs.push_back(
        {"control", make_tensor(DataType::kUint32, {1}, &sequence.control, sizeof sequence.control), false});
    call.sequence_id = sequence.id;
  }));
  auto held = std::make_shared<FakeServable>(metadata_of("held", {}, {}), [](serving::InferenceCall&) {});
  held->hold_calls = true;
  catalog.add(std::move(held));
}

}  // namespace

int main() {
  auto threads = transport::IoThreads::start(2);
  if (!threads.ok()) return 1;
  BufferPool pool;
  test::FakeCatalog catalog;
  add_models(catalog);
  transport::SharedMemoryRegistry regions;
  LogGate gate(make_null_log_sink(), LogSettings::from(LogLevel::kInfo));
  rpc::RpcRouter router({catalog, &regions, "OpenVINO Model Server", "test", &gate});
  transport::RpcServerParts parts;
  parts.handler = &router;
  parts.pool = &pool;
  parts.threads = threads->get();
  auto server = transport::RpcServer::start(std::move(parts), "127.0.0.1", 0);
  if (!server.ok()) {
    std::cerr << server.status().to_string() << '\n';
    return 1;
  }
  std::printf("port %u\n", (*server)->port());
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
  }
  router.begin_shutdown();
  const bool stopped = (*server)->stop(std::chrono::seconds(5));
  std::puts(stopped ? "stopped" : "calls are left");
  return stopped ? 0 : 1;
}
