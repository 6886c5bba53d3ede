// The life of a prediction: waiting for a model, clients that go away, threads that race.
#include <atomic>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "protocols/rest_router/router_fixture.hpp"
#include "support/eventually.hpp"

namespace ocelli::rest {
namespace {

using test::FakeHttpExchange;
using transport::HttpMethod;

constexpr const char* kTen =
    R"({"inputs":[{"name":"b","shape":[1,10],"datatype":"FP32","data":[0,1,2,3,4,5,6,7,8,9]}]})";

class InferenceTest : public RouterTest {};

TEST_F(InferenceTest, WaitsForAModelThatIsLoading) {
  catalog.add_status("late", {1, serving::VersionState::kLoading, StatusCode::kOk, ""});
  FakeHttpExchange exchange(HttpMethod::kPost, "/v2/models/late/infer", kTen);
  router->handle(exchange);
  EXPECT_EQ(exchange.sent(), 0);
  catalog.add(test::make_dummy("late"));
  catalog.finish_loading();
  ASSERT_TRUE(exchange.wait());
  EXPECT_EQ(exchange.status, 200);
}

TEST_F(InferenceTest, MetadataWaitsForAModelThatIsLoading) {
  catalog.add_status("late", {1, serving::VersionState::kLoading, StatusCode::kOk, ""});
  FakeHttpExchange kserve(HttpMethod::kGet, "/v2/models/late");
  FakeHttpExchange tfserving(HttpMethod::kGet, "/v1/models/l%61te/metadata");
  FakeHttpExchange missing(HttpMethod::kGet, "/v2/models/late/versions/1");
  for (auto* exchange : {&kserve, &tfserving, &missing}) router->handle(*exchange);
  EXPECT_EQ(kserve.sent() + tfserving.sent() + missing.sent(), 0);
  catalog.add(test::make_dummy("late", 2));
  catalog.finish_loading();
  for (auto* exchange : {&kserve, &tfserving, &missing}) ASSERT_TRUE(exchange->wait());
  EXPECT_EQ(kserve.status, 200);
  EXPECT_EQ(tfserving.status, 200);
  EXPECT_EQ(missing.status, 404) << "version 1 did not come";
}

TEST_F(InferenceTest, AModelThatDoesNotLoadInTimeIsNotLoadedYet) {
  catalog.add_status("late", {1, serving::VersionState::kLoading, StatusCode::kOk, ""});
  FakeHttpExchange exchange(HttpMethod::kPost, "/v1/models/late/versions/1:predict", R"({"instances":[[0]]})");
  router->handle(exchange);
  catalog.finish_loading();
  ASSERT_TRUE(exchange.wait());
  EXPECT_EQ(exchange.status, 404);
  EXPECT_EQ(exchange.reply(), R"({"error":"Model with requested version is not loaded yet"})");
}

TEST_F(InferenceTest, AConnectionsThreadDoesNotReadLongTexts) {
  const std::string spaces(300'000, ' ');
  const auto answered_here = [this](const std::string& path, const std::string& body, const std::string& json_length) {
    FakeHttpExchange exchange(HttpMethod::kPost, path, body);
    if (!json_length.empty()) exchange.set_header("inference-header-content-length", json_length);
    router->handle(exchange);
    EXPECT_TRUE(exchange.wait());
    return std::pair(exchange.status, exchange.sender() == std::this_thread::get_id());
  };
  const std::string rows = R"({"instances":[[0,1,2,3,4,5,6,7,8,9]]})";
  const auto kserve = "/v2/models/dummy/infer";
  const auto tfserving = "/v1/models/dummy:predict";
  EXPECT_EQ(answered_here(kserve, kTen, ""), std::pair(200, true));
  EXPECT_EQ(answered_here(tfserving, rows, ""), std::pair(200, true));
  EXPECT_EQ(answered_here(kserve, spaces + kTen, ""), std::pair(200, false));
  EXPECT_EQ(answered_here(tfserving, spaces + rows, ""), std::pair(200, false));
  EXPECT_EQ(answered_here(kserve, spaces + "[", ""), std::pair(412, false)) << "what is wrong is found there too";
  EXPECT_EQ(answered_here("/v1/models/none:predict", spaces, ""), std::pair(404, false));
  const std::string tensor(300'000, '\0');
  const std::string json = R"({"inputs":[{"name":"b","shape":[1,75000],"datatype":"FP32",)"
                           R"("parameters":{"binary_data_size":300000}}]})";
  EXPECT_EQ(answered_here(kserve, json + tensor, std::to_string(json.size())), std::pair(400, true))
      << "bytes of tensors are no text";
}

TEST_F(InferenceTest, WhoTellsThatAModelIsLoadedDoesNotReadLongTextsEither) {
  catalog.add_status("late", {1, serving::VersionState::kLoading, StatusCode::kOk, ""});
  const std::string rows = R"({"instances":[[0,1,2,3,4,5,6,7,8,9]]})";
  FakeHttpExchange exchange(HttpMethod::kPost, "/v1/models/late:predict", std::string(300'000, ' ') + rows);
  FakeHttpExchange brief(HttpMethod::kPost, "/v1/models/late:predict", rows);
  router->handle(brief);
  router->handle(exchange);
  ASSERT_TRUE(test::eventually([&] { return catalog.waiting() == 2; }));
  catalog.add(test::make_dummy("late"));
  catalog.finish_loading();
  ASSERT_TRUE(exchange.wait());
  ASSERT_TRUE(brief.wait());
  EXPECT_EQ(exchange.status, 200) << exchange.reply();
  EXPECT_EQ(brief.sender(), std::this_thread::get_id());
  EXPECT_NE(exchange.sender(), std::this_thread::get_id());
}

TEST_F(InferenceTest, AClientThatLeavesWhileItsLongTextWaitsIsNotServed) {
  const std::string spaces(200'000, ' ');
  auto metadata = dummy->metadata();
  metadata.name = "slow";
  std::promise<void> go;
  const auto slow =
      std::make_shared<test::FakeServable>(metadata, [gone = go.get_future().share()](serving::InferenceCall& call) {
        gone.wait();
        call.status = Status(StatusCode::kUnavailable, "only there to keep a reader busy");
      });
  catalog.add(slow);
  std::vector<std::unique_ptr<FakeHttpExchange>> before;
  for (std::size_t i = 0; i < handoff::Readers::count(); ++i) {
    before.push_back(std::make_unique<FakeHttpExchange>(HttpMethod::kPost, "/v2/models/slow/infer", spaces + kTen));
    router->handle(*before.back());
  }
  EXPECT_TRUE(test::eventually([&] { return slow->calls() == static_cast<int>(handoff::Readers::count()); }));
  FakeHttpExchange exchange(HttpMethod::kPost, "/v2/models/dummy/infer", spaces + kTen);
  router->handle(exchange);
  EXPECT_EQ(exchange.sent(), 0);
  exchange.client_gone();
  go.set_value();
  ASSERT_TRUE(exchange.wait());
  for (const auto& one : before) EXPECT_TRUE(one->wait());
  EXPECT_EQ(exchange.sent(), 1);
  EXPECT_EQ(exchange.status, 499);
  EXPECT_EQ(dummy->calls(), 0);
}

// Whenever it leaves, the text is read by nobody or by one, and answered once.
TEST_F(InferenceTest, AClientThatLeavesWhileItsLongTextIsReadIsAnsweredOnce) {
  for (int i = 0; i < 50; ++i) {
    FakeHttpExchange exchange(HttpMethod::kPost, "/v2/models/dummy/infer", std::string(200'000, ' ') + kTen);
    router->handle(exchange);
    exchange.client_gone();
    ASSERT_TRUE(exchange.wait());
    EXPECT_EQ(exchange.sent(), 1);
  }
}

TEST_F(InferenceTest, AClientThatGoesAwayCancelsItsCall) {
  dummy->hold_calls = true;
  FakeHttpExchange exchange(HttpMethod::kPost, "/v2/models/dummy/infer", kTen);
  router->handle(exchange);
  EXPECT_EQ(dummy->calls(), 1);
  EXPECT_EQ(exchange.sent(), 0);
  exchange.client_gone();
  EXPECT_EQ(dummy->cancels(), 1);
  EXPECT_EQ(exchange.sent(), 1);
  EXPECT_EQ(exchange.status, 499);
  EXPECT_EQ(dummy.use_count(), 2) << "the catalog and this test; nothing keeps the model for a finished request";
}

TEST_F(InferenceTest, AClientThatWentAwayWhileTheModelLoadedIsNotInferred) {
  catalog.add_status("late", {1, serving::VersionState::kLoading, StatusCode::kOk, ""});
  FakeHttpExchange exchange(HttpMethod::kPost, "/v2/models/late/infer", kTen);
  router->handle(exchange);
  exchange.client_gone();
  const auto late = test::make_dummy("late");
  catalog.add(late);
  catalog.finish_loading();
  ASSERT_TRUE(exchange.wait());
  EXPECT_EQ(exchange.status, 499);
  EXPECT_EQ(late->calls(), 0);
}

TEST_F(InferenceTest, ACallThatIsCancelledByItsDeadlineSaysSo) {
  auto metadata = dummy->metadata();
  metadata.name = "slow";
  catalog.add(std::make_shared<test::FakeServable>(metadata, [](serving::InferenceCall& call) {
    while (Clock::now() < call.deadline) std::this_thread::yield();
    call.status = Status(StatusCode::kCancelled, "stopped");
  }));
  const auto reply = post("/v2/models/slow/infer", R"({"parameters":{"timeout":1000},)" + std::string(kTen + 1));
  EXPECT_EQ(reply.status, 504);
}

// Answers and cancellations from two threads at once: each exchange gets exactly one reply, whoever wins.
TEST_F(InferenceTest, CancellationMayRaceWithTheAnswer) {
  dummy->hold_calls = true;
  constexpr int kRounds = 2000;
  for (int i = 0; i < kRounds; ++i) {
    FakeHttpExchange exchange(HttpMethod::kPost, "/v2/models/dummy/infer", kTen);
    router->handle(exchange);
    std::atomic<int> ready{0};
    std::thread answer([&] {
      ++ready;
      while (ready < 2) std::this_thread::yield();
      dummy->release_one();
    });
    ++ready;
    while (ready < 2) std::this_thread::yield();
    exchange.client_gone();
    answer.join();
    ASSERT_TRUE(exchange.wait());
    ASSERT_EQ(exchange.sent(), 1);
    ASSERT_TRUE(exchange.status == 200 || exchange.status == 499) << exchange.status;
  }
  EXPECT_EQ(dummy.use_count(), 2);
}

TEST_F(InferenceTest, ManyThreadsShareTheRouter) {
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) good += post("/v2/models/dummy/infer", kTen).status == 200;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 2000);
}

}  // namespace
}  // namespace ocelli::rest
