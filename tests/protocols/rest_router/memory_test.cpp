// What a request becomes counts as memory of the server, too: a number of two bytes of text may become eight.
#include <gmock/gmock.h>

#include "protocols/rest_router/router_fixture.hpp"
#include "support/eventually.hpp"

namespace ocelli::rest {
namespace {

using test::FakeHttpExchange;
using testing::HasSubstr;
using transport::HttpMethod;

std::string ones(std::size_t count) {
  std::string text = "[1";
  for (std::size_t i = 1; i < count; ++i) text += ",1";
  return text + "]";
}

std::string kserve_body(std::size_t count) {
  return R"({"inputs":[{"name":"x","datatype":"INT64","shape":[)" + std::to_string(count) + R"(],"data":)" +
         ones(count) + "}]}";
}

std::string tfserving_body(std::size_t count) { return R"({"inputs":)" + ones(count) + "}"; }

class RestMemoryTest : public RouterTest {
 protected:
  RestMemoryTest() {
    serving::ServableMetadata metadata;
    metadata.name = "echo";
    const PartialShape any{{Dimension::any()}, true};
    metadata.inputs = {{"x", DataType::kInt64, any, ""}};
    metadata.outputs = {{"y", DataType::kInt64, any, ""}};
    echo = std::make_shared<test::FakeServable>(std::move(metadata), [](serving::InferenceCall& call) {
      for (const auto& input : call.inputs)
        call.outputs.push_back({call.servable->metadata().outputs[0].name, input.tensor, false});
    });
    catalog.add(echo);
  }
  std::string answer(const std::string& target, const std::string& body) {
    FakeHttpExchange exchange(HttpMethod::kPost, target, body);
    exchange.memory = memory;
    router->handle(exchange);
    EXPECT_TRUE(exchange.wait());
    return std::to_string(exchange.status) + " " + exchange.reply().substr(0, 200);
  }
  void expect_bound(const std::string& target, const std::string& small, const std::string& large) {
    EXPECT_THAT(answer(target, large), HasSubstr("429 {\"error\":\"Too many request bodies are in memory. Limit: "
                                                 "1000000 bytes; In use: "));
    EXPECT_EQ(memory->taken(), 0U);
    EXPECT_THAT(answer(target, small), HasSubstr("200 "));
    EXPECT_EQ(memory->taken(), 0U);
  }

  std::shared_ptr<test::FakeServable> echo;
  std::shared_ptr<ByteBudget> memory = std::make_shared<ByteBudget>(1'000'000, "--rest_memory_quota");
};

TEST_F(RestMemoryTest, NumbersOfKserveAreBoundByWhatTheyBecome) {
  expect_bound("/v2/models/echo/infer", kserve_body(100'000), kserve_body(200'000));
}

TEST_F(RestMemoryTest, NumbersOfTensorflowServingAreBoundByWhatTheyBecome) {
  expect_bound("/v1/models/echo:predict", tfserving_body(50'000), tfserving_body(200'000));
}

// Each value takes eight bytes as a number, and four where it is sorted.
TEST_F(RestMemoryTest, WhatClassificationSortsIsBound) {
  const auto classified = [](std::size_t count) {
    auto body = kserve_body(count);
    body.back() = ',';
    return body + R"("outputs":[{"name":"y","parameters":{"classification":1}}]})";
  };
  expect_bound("/v2/models/echo/infer", classified(50'000), classified(100'000));
}

TEST_F(RestMemoryTest, ItIsHeldUntilTheAnswer) {
  echo->hold_calls = true;
  FakeHttpExchange first(HttpMethod::kPost, "/v2/models/echo/infer", kserve_body(100'000));
  first.memory = memory;
  router->handle(first);
  ASSERT_TRUE(test::eventually([&] { return echo->calls() == 1; }, std::chrono::seconds(60))) << "it is read elsewhere";
  EXPECT_EQ(memory->taken(), 800'000U);
  EXPECT_THAT(answer("/v2/models/echo/infer", kserve_body(50'000)), HasSubstr("In use: 800000 bytes"));
  ASSERT_TRUE(echo->release_one());
  ASSERT_TRUE(first.wait());
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(memory->taken(), 0U);
}

}  // namespace
}  // namespace ocelli::rest
