// Every gRPC method over the real transport and models made of functions, for clients in Python. Prints "port N", runs
// until its standard input ends, then stops gracefully. Models: dummy (a = b + 1), echo_TYPE (y = x, any shape of rank
// 1 or 2), two (outputs "large", then "small"), stateful (answers the sequence's control word), held (never answers
// until cancelled).
#include <cstdio>
#include <iostream>
#include <string>

#include "protocols/rpc_router/rpc_router.hpp"
#include "support/fake_catalog.hpp"
#include "transport/grpc/rpc_server.hpp"
#include "transport/shared_memory/shared_memory_registry.hpp"

namespace {

using namespace ocelli;
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

void add_models(test::FakeCatalog& catalog) {
  catalog.add(test::make_dummy());
  for (const auto type : {DataType::kBool, DataType::kInt8, DataType::kInt16, DataType::kInt32, DataType::kInt64,
                          DataType::kUint8, DataType::kUint16, DataType::kUint32, DataType::kUint64, DataType::kFp16,
                          DataType::kBf16, DataType::kFp32, DataType::kFp64, DataType::kString}) {
    const auto name = "echo_" + std::string(kserve_name(type));
    catalog.add(std::make_shared<FakeServable>(
        metadata_of(name, {any_shape("x", type)}, {any_shape("y", type)}), [type](serving::InferenceCall& call) {
          if (call.inputs.size() != 1 || call.inputs[0].tensor.view.type != type) {
            call.status = invalid_argument("Invalid input precision");
            return;
          }
          answer(call, "y", call.inputs[0].tensor);
        }));
  }
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
  rpc::RpcRouter router({catalog, &regions, "OpenVINO Model Server", "test"});
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
