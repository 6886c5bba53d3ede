#include "server/listener_setup.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ocelli::server {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;

TEST(ListenerSetup, ChannelArgumentsThatMeanSomethingAreApplied) {
  ServerOptions options;
  options.grpc.channel_arguments =
      "grpc.max_concurrent_streams=7,grpc.keepalive_time_ms=1500,grpc.lb_policy=pick_first";
  std::vector<std::string> ignored;
  const auto rpc = rpc_options(options, {}, ignored);
  ASSERT_TRUE(rpc.ok());
  EXPECT_EQ(rpc->max_streams, 7U);
  EXPECT_EQ(rpc->keepalive_interval, std::chrono::milliseconds(1500));
  EXPECT_THAT(ignored, ElementsAre("grpc.lb_policy=pick_first"));
}

TEST(ListenerSetup, TimesThatTheClockCannotHoldAreGrpcsLongest) {
  ServerOptions options;
  options.grpc.channel_arguments =
      "grpc.keepalive_time_ms=9223372036854775807,grpc.keepalive_timeout_ms=9223372036854775807,"
      "grpc.max_connection_idle_ms=9223372036854775807";
  std::vector<std::string> ignored;
  const auto rpc = rpc_options(options, {}, ignored);
  ASSERT_TRUE(rpc.ok());
  const auto longest = std::chrono::milliseconds(INT32_MAX);
  EXPECT_EQ(rpc->keepalive_interval, longest);
  EXPECT_EQ(rpc->keepalive_timeout, longest);
  EXPECT_EQ(rpc->limits.idle_timeout, longest);
}

TEST(ListenerSetup, AnArgumentWithoutAValueIsRefused) {
  ServerOptions options;
  options.grpc.channel_arguments = "grpc.max_concurrent_streams";
  std::vector<std::string> ignored;
  EXPECT_FALSE(rpc_options(options, {}, ignored).ok());
}

TEST(ListenerSetup, ProbesAndMetricsNeedNoKeyUnlessAllIsGuarded) {
  ServerOptions options;
  ApiKeys keys;
  keys.rest = "k";
  EXPECT_THAT(http_options(options, keys, nullptr).open_paths, Contains("/metrics"));
  EXPECT_THAT(http_options(options, keys, nullptr).open_paths, Contains("/v2/health/ready"));
  keys.guards_probes = true;
  EXPECT_TRUE(http_options(options, keys, nullptr).open_paths.empty());
}

TEST(ListenerSetup, LimitsReachBothListeners) {
  ServerOptions options;
  options.limits.max_body_bytes = 12345;
  options.limits.max_connections = 7;
  options.rest.memory_quota = 99;
  std::vector<std::string> ignored;
  EXPECT_EQ(rpc_options(options, {}, ignored)->limits.max_body_bytes, 12345U);
  EXPECT_EQ(http_options(options, {}, nullptr).limits.max_connections, 7U);
  EXPECT_EQ(http_options(options, {}, nullptr).max_total_bytes, 99U);
}

TEST(ListenerSetup, OptionsWithoutEffectAreNamed) {
  ServerOptions options;
  EXPECT_THAT(options_without_effect(options), testing::IsEmpty());
  options.grpc.workers = 3;
  options.grpc.max_threads = 16;
  EXPECT_THAT(options_without_effect(options), ElementsAre(testing::HasSubstr("--grpc_workers 3 has no effect"),
                                                           testing::HasSubstr("--grpc_max_threads 16 has no effect")));
}

TEST(ListenerSetup, TlsOnlyWithACertificate) {
  EXPECT_FALSE(tls_options({}));
  EXPECT_EQ(tls_options({"c", "k", "a"})->client_ca_file, "a");
}

}  // namespace
}  // namespace ocelli::server
