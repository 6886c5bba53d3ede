// The steady state of predictions allocates nothing in the router, the parsers and the writers.
#include <cstring>

#include "protocols/rest_router/router_fixture.hpp"
#include "support/allocation_counter.hpp"

namespace ocelli::rest {
namespace {

class AllocationTest : public RouterTest {
 protected:
  AllocationTest() {
    auto metadata = dummy->metadata();
    metadata.name = "echo_with_a_name_that_is_longer_than_small_strings";
    catalog.add(std::make_shared<test::FakeServable>(metadata, [](serving::InferenceCall& call) {
      for (const auto& input : call.inputs) call.outputs.push_back({"a", input.tensor, false});
    }));
  }

  // Allocations of a hundred requests after ten.
  std::size_t count(const std::string& body, const std::string& json_length) {
    test::FakeHttpExchange exchange(transport::HttpMethod::kPost,
                                    "/v2/models/echo_with_a_name_that_is_longer_than_small_strings/versions/1/infer",
                                    body);
    if (!json_length.empty()) exchange.set_header("Inference-Header-Content-Length", json_length);
    std::size_t before = 0;
    for (int i = 0; i < 110; ++i) {
      if (i == 10) before = test::allocations.load();
      exchange.again();
      router->handle(exchange);
      EXPECT_EQ(exchange.sent(), 1);
      EXPECT_EQ(exchange.status, 200) << exchange.reply();
    }
    return test::allocations.load() - before;
  }
};

TEST_F(AllocationTest, BinaryPredictions) {
  const std::string json =
      R"({"id":"a request with quite a long id, so that copies show","parameters":{"timeout":60000000,"priority":1},)"
      R"("inputs":[{"name":"b","shape":[1,16],"datatype":"FP32","parameters":{"binary_data_size":64}}],)"
      R"("outputs":[{"name":"a","parameters":{"binary_data":true}}]})";
  EXPECT_EQ(count(json + std::string(64, 'x'), std::to_string(json.size())), 0u);
}

TEST_F(AllocationTest, JsonPredictions) {
  std::string values = "0.5";
  for (int i = 1; i < 500; ++i) values += ", " + std::to_string(i) + ".25";
  EXPECT_EQ(count(R"({"inputs":[{"name":"b","shape":[1,500],"datatype":"FP32","data":[)" + values + "]}]}", ""), 0u);
}

}  // namespace
}  // namespace ocelli::rest
