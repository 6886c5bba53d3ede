// A router over a fake catalog, and calls to it with protobuf's own messages.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "protocols/rpc_router/rpc_router.hpp"
#include "support/fake_catalog.hpp"
#include "support/fake_rpc_exchange.hpp"
#include "transport/shared_memory/shared_memory_registry.hpp"

namespace ocelli::rpc {

class RouterFixture : public testing::Test {
 protected:
  RouterFixture() { catalog.add(dummy); }

  // A unary call that is over when handle() returns.
  template <typename Reply>
  Status call(const std::string& path, const std::string& request, Reply& reply) {
    test::FakeRpcExchange exchange(path, request);
    router.handle(exchange);
    EXPECT_TRUE(exchange.wait_finished()) << path;
    const bool parsed = !exchange.status().ok() || reply.ParseFromString(exchange.written().at(0));
    EXPECT_TRUE(parsed) << path;
    return exchange.status();
  }
  template <typename Reply, typename Request>
  Status call(const std::string& path, const Request& request, Reply& reply) {
    return call(path, request.SerializeAsString(), reply);
  }

  // A model with one dynamic input x and one output y of the type, which answers x.
  std::shared_ptr<test::FakeServable> add_echo(const std::string& name, DataType type, std::size_t rank = 1) {
    serving::ServableMetadata metadata;
    metadata.name = name;
    PartialShape shape{std::vector<Dimension>(rank, Dimension::any()), true};
    metadata.inputs = {{"x", type, shape, ""}};
    metadata.outputs = {{"y", type, shape, ""}};
    auto servable = std::make_shared<test::FakeServable>(std::move(metadata), [](serving::InferenceCall& call) {
      for (const auto& input : call.inputs)
        call.outputs.push_back({call.servable->metadata().outputs[0].name, input.tensor, false});
    });
    catalog.add(servable);
    return servable;
  }

  test::FakeCatalog catalog;
  std::shared_ptr<test::FakeServable> dummy = test::make_dummy();
  transport::SharedMemoryRegistry regions;
  RpcRouter router{{catalog, &regions, "OpenVINO Model Server", "1.2.3"}};
};

inline std::string bytes_of(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}
inline std::vector<float> floats_of(const std::string& bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}
inline const std::vector<float> kRamp{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
inline const std::vector<float> kRampPlusOne{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

}  // namespace ocelli::rpc
