// grpc.health.v1.
#include "grpc/health/v1/health.pb.h"
#include "router_fixture.hpp"

namespace ocelli::rpc {
namespace {

namespace pb = grpc::health::v1;
constexpr const char* kCheck = "/grpc.health.v1.Health/Check";
constexpr const char* kWatch = "/grpc.health.v1.Health/Watch";

std::string request_for(const std::string& service) {
  pb::HealthCheckRequest request;
  request.set_service(service);
  return request.SerializeAsString();
}

pb::HealthCheckResponse::ServingStatus status_in(const std::string& message) {
  pb::HealthCheckResponse response;
  EXPECT_TRUE(response.ParseFromString(message));
  return response.status();
}

class HealthTest : public RouterFixture {
 protected:
  Status check(const std::string& service) { return call(kCheck, request_for(service), reply); }
  pb::HealthCheckResponse reply;
};

TEST_F(HealthTest, ChecksServerServicesAndModels) {
  catalog.add_empty("empty");
  for (const auto* name : {"", "inference.GRPCInferenceService", "tensorflow.serving.PredictionService", "dummy"}) {
    ASSERT_TRUE(check(name).ok()) << name;
    EXPECT_EQ(reply.status(), pb::HealthCheckResponse::SERVING) << name;
  }
  ASSERT_TRUE(check("empty").ok());
  EXPECT_EQ(reply.status(), pb::HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(check("nope").code(), StatusCode::kNotFound);
  catalog.is_ready = false;
  ASSERT_TRUE(check("").ok());
  EXPECT_EQ(reply.status(), pb::HealthCheckResponse::NOT_SERVING);
}

TEST_F(HealthTest, WatchTellsChangesUntilTheClientLeaves) {
  ASSERT_TRUE(router.streaming(kWatch));
  test::FakeRpcExchange exchange(kWatch);
  router.handle(exchange);
  exchange.send(request_for("soon"));
  exchange.end_messages();
  ASSERT_TRUE(exchange.wait_written(1));
  EXPECT_EQ(status_in(exchange.written()[0]), pb::HealthCheckResponse::SERVICE_UNKNOWN);
  catalog.add(test::make_dummy("soon"));
  ASSERT_TRUE(exchange.wait_written(2));
  EXPECT_EQ(status_in(exchange.written()[1]), pb::HealthCheckResponse::SERVING);
  EXPECT_EQ(exchange.finishes(), 0);
  exchange.cancel();
  ASSERT_TRUE(exchange.wait_finished());
  EXPECT_EQ(exchange.status().code(), StatusCode::kCancelled);
}

// The name is kept for as long as the client likes.
TEST_F(HealthTest, WatchTakesNoNameOfAnyLength) {
  test::FakeRpcExchange exchange(kWatch);
  router.handle(exchange);
  exchange.send(request_for(std::string(health::HealthWatch::kMaxRequestBytes, 'n')));
  ASSERT_TRUE(exchange.wait_finished());
  EXPECT_EQ(exchange.status().code(), StatusCode::kPayloadTooLarge);
  EXPECT_THAT(std::string(exchange.status().message()), testing::HasSubstr("this method takes at most 65536"));
}

TEST_F(HealthTest, WatchTellsReadiness) {
  catalog.is_ready = false;
  test::FakeRpcExchange exchange(kWatch);
  router.handle(exchange);
  exchange.send(request_for(""));
  ASSERT_TRUE(exchange.wait_written(1));
  EXPECT_EQ(status_in(exchange.written()[0]), pb::HealthCheckResponse::NOT_SERVING);
  catalog.is_ready = true;
  catalog.changes().notify();
  ASSERT_TRUE(exchange.wait_written(2));
  EXPECT_EQ(status_in(exchange.written()[1]), pb::HealthCheckResponse::SERVING);
  exchange.cancel();
}

TEST_F(HealthTest, AChangeThatIsNoneForTheWatcherIsNotTold) {
  test::FakeRpcExchange other(kWatch);
  test::FakeRpcExchange exchange(kWatch);
  router.handle(exchange);
  router.handle(other);
  exchange.send(request_for("dummy"));
  other.send(request_for("new"));
  catalog.add(test::make_dummy("new"));
  ASSERT_TRUE(other.wait_written(2));
  EXPECT_EQ(exchange.written().size(), 1u);
  exchange.cancel();
  other.cancel();
}

TEST_F(HealthTest, WatchersAreBounded) {
  std::vector<std::unique_ptr<test::FakeRpcExchange>> watchers;
  for (std::size_t i = 0; i < health::HealthWatch::kMaxWatchers; ++i) {
    watchers.push_back(std::make_unique<test::FakeRpcExchange>(kWatch));
    router.handle(*watchers.back());
  }
  test::FakeRpcExchange refused(kWatch);
  router.handle(refused);
  EXPECT_EQ(refused.status().code(), StatusCode::kResourceExhausted);
  watchers.back()->cancel();
  test::FakeRpcExchange next(kWatch);
  router.handle(next);
  EXPECT_EQ(next.finishes(), 0);
  router.begin_shutdown();
  for (auto& watcher : watchers) EXPECT_TRUE(watcher->wait_finished());
  EXPECT_TRUE(next.wait_finished());
}

TEST_F(HealthTest, ShutdownTellsWatchersAndEndsThem) {
  test::FakeRpcExchange exchange(kWatch);
  router.handle(exchange);
  exchange.send(request_for(""));
  ASSERT_TRUE(exchange.wait_written(1));
  router.begin_shutdown();
  ASSERT_TRUE(exchange.wait_finished());
  EXPECT_EQ(exchange.status().code(), StatusCode::kUnavailable);
  ASSERT_EQ(exchange.written().size(), 2u);
  EXPECT_EQ(status_in(exchange.written()[1]), pb::HealthCheckResponse::NOT_SERVING);
  test::FakeRpcExchange late(kWatch);
  router.handle(late);
  EXPECT_EQ(late.status().code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace ocelli::rpc
