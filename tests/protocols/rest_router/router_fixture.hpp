// RouterTest: a router over a fake catalog that holds the specification's example model.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "protocols/rest_router/rest_router.hpp"
#include "support/fake_catalog.hpp"
#include "support/fake_http_exchange.hpp"

namespace ocelli::rest {

// One reply.
struct Reply {
  int status = 0;
  std::string body;
  std::string json_length;
  std::string content_type;
};

class RouterTest : public testing::Test {
 protected:
  RouterTest() {
    catalog.add(dummy);
    make_router();
  }
  void make_router(std::function<std::optional<std::string>()> render_metrics = {}) {
    RestServices services(catalog, background);
    services.shared_memory = &shared_memory;
    services.render_metrics = std::move(render_metrics);
    services.server_version = "2026.2.1";
    router = std::make_unique<RestRouter>(std::move(services));
  }
  Reply ask(transport::HttpMethod method, const std::string& target, const std::string& body = "",
            const std::string& json_length = "") {
    test::FakeHttpExchange exchange(method, target, body);
    if (!json_length.empty()) exchange.set_header("inference-header-content-length", json_length);
    router->handle(exchange);
    EXPECT_TRUE(exchange.wait()) << target;
    EXPECT_EQ(exchange.sent(), 1) << target;
    return {exchange.status, exchange.reply(), exchange.reply_header("Inference-Header-Content-Length"),
            std::string(exchange.content_type)};
  }
  Reply get(const std::string& target) { return ask(transport::HttpMethod::kGet, target); }
  Reply post(const std::string& target, const std::string& body = "") {
    return ask(transport::HttpMethod::kPost, target, body);
  }
  // "status body".
  std::string got(const std::string& target) {
    const auto reply = get(target);
    return std::to_string(reply.status) + " " + reply.body;
  }
  std::string posted(const std::string& target, const std::string& body = "") {
    const auto reply = post(target, body);
    return std::to_string(reply.status) + " " + reply.body;
  }

  std::shared_ptr<test::FakeServable> dummy = test::make_dummy();
  test::FakeCatalog catalog;
  transport::SharedMemoryRegistry shared_memory;
  ThreadPool background{"test-admin", 1, 4};
  std::unique_ptr<RestRouter> router;
};

}  // namespace ocelli::rest
