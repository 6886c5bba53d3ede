#include "server/api_key.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "support/fake_http_exchange.hpp"

namespace ocelli::server {
namespace {

class ApiKeyTest : public testing::Test {
 protected:
  ~ApiKeyTest() override { std::remove(path_.c_str()); }
  ServerOptions with_file(const std::string& text, const std::string& scope) {
    std::ofstream(path_) << text;
    ServerOptions options;
    options.api_key_file = path_;
    options.api_key_scope = scope;
    return options;
  }
  std::string path_ = testing::TempDir() + "api_key_" + std::to_string(::getpid());
};

TEST_F(ApiKeyTest, TheFirstLineIsTheKeyWithoutBlanksBehindIt) {
  const auto keys = read_api_keys(with_file("secret \r\nsecond line\n", "inference"));
  ASSERT_TRUE(keys.ok());
  EXPECT_EQ(keys->rest, "secret");
  EXPECT_EQ(keys->grpc, "secret");
  EXPECT_FALSE(keys->guards_probes);
  EXPECT_EQ(keys->generative, "");
}

TEST_F(ApiKeyTest, ScopesDecideWhatIsGuarded) {
  const auto v3 = read_api_keys(with_file("k", "v3"));
  ASSERT_TRUE(v3.ok());
  EXPECT_EQ(v3->rest, "");
  EXPECT_EQ(v3->grpc, "");
  EXPECT_EQ(v3->generative, "k");
  const auto all = read_api_keys(with_file("k", "all"));
  ASSERT_TRUE(all.ok());
  EXPECT_TRUE(all->guards_probes);
}

TEST_F(ApiKeyTest, NoKeyGuardsNothing) {
  ServerOptions options;
  options.api_key_scope = "all";
  const auto keys = read_api_keys(options);
  ASSERT_TRUE(keys.ok());
  EXPECT_EQ(keys->rest, "");
}

TEST_F(ApiKeyTest, AnEmptyOrMissingFileIsAnErrorRatherThanAnOpenDoor) {
  EXPECT_FALSE(read_api_keys(with_file("\nkey\n", "all")).ok());
  EXPECT_FALSE(read_api_keys(with_file("", "all")).ok());
  ServerOptions options;
  options.api_key_file = "/no/such/file";
  EXPECT_FALSE(read_api_keys(options).ok());
}

TEST(GenerativeKeyGuard, GuardsPathsUnderV3Only) {
  struct Opened final : transport::HttpHandler {
    void handle(transport::HttpExchange& exchange) noexcept override { exchange.send(); }
  } opened;
  GenerativeKeyGuard guard("secret", opened);
  const auto ask = [&](const char* path, const std::string& authorization) {
    test::FakeHttpExchange exchange(transport::HttpMethod::kGet, path, "");
    if (!authorization.empty()) exchange.set_header("authorization", authorization);
    guard.handle(exchange);
    EXPECT_EQ(exchange.reply_header("WWW-Authenticate"), exchange.status == 401 ? "Bearer" : "") << authorization;
    return exchange.status;
  };
  EXPECT_EQ(ask("/v2", ""), 200);
  for (const char* wrong : {"", "secret", "Bearer", "Bearer ", "Bearer secret2", "Bearer Secret", "Basic secret"})
    EXPECT_EQ(ask("/v3/models", wrong), 401) << wrong;
  for (const char* right : {"Bearer secret", "bearer secret", "BEARER secret"})
    EXPECT_EQ(ask("/v3/models", right), 200) << right;
}

}  // namespace
}  // namespace ocelli::server
