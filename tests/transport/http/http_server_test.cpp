#include "transport/http/http_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "transport/http/http_fixture.hpp"

namespace ocelli::transport {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::string post(std::string_view path, std::string_view body, std::string_view headers = {}) {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + std::string(headers) + "\r\n" + std::string(body);
}
constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr std::string_view kHold = "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n";

TEST_F(HttpServerTest, AnswersAndKeepsTheConnection) {
  serve();
  RawClient client(port());
  for (int i = 0; i < 3; ++i) {
    const auto reply = client.exchange(post("/echo", "hello"));
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, "hello");
    EXPECT_EQ(reply.headers.at("content-type"), "application/json");
    EXPECT_EQ(reply.headers.at("access-control-allow-origin"), "*");
    EXPECT_EQ(reply.headers.at("access-control-allow-methods"), "*");
    EXPECT_EQ(reply.headers.at("access-control-allow-headers"), "*");
    EXPECT_EQ(reply.headers.count("server") + reply.headers.count("date") + reply.headers.count("connection"), 0U);
  }
  EXPECT_EQ(server_->totals().accepted_connections, 1U);
  EXPECT_EQ(server_->totals().requests, 3U);
}

TEST_F(HttpServerTest, PutsTheFirstTensorOnA64ByteBoundary) {
  serve();
  RawClient client(port());
  std::string body;
  for (int i = 0; i < 300000; ++i) body.push_back(static_cast<char>('a' + i % 23));
  for (const int json_length : {0, 1, 63, 64, 65, 177, 4096}) {
    // Sent in two parts at every kind of place, so that the body arrives with the head, after it, and both.
    const auto request =
        post("/echo", body, "Inference-Header-Content-Length: " + std::to_string(json_length) + "\r\n");
    const auto cut = static_cast<std::size_t>(json_length) + 100;
    client.send(std::string_view(request).substr(0, cut));
    client.send(std::string_view(request).substr(cut));
    const auto reply = client.read_reply();
    EXPECT_EQ(reply.body, body) << json_length;
    EXPECT_TRUE(handler_.tensor_was_aligned()) << json_length;
  }
  EXPECT_EQ(client.exchange(post("/echo", "short")).body, "short");
  EXPECT_TRUE(handler_.body_was_aligned());
}

TEST_F(HttpServerTest, PipelinedRepliesKeepTheirOrder) {
  serve();
  RawClient client(port());
  std::string requests;
  for (int i = 0; i < 100; ++i)
    requests +=
        "GET /n" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n" + post("/echo", "body" + std::to_string(i));
  client.send(requests);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(client.read_reply().body, "/n" + std::to_string(i));
    EXPECT_EQ(client.read_reply().body, "body" + std::to_string(i));
  }
}

TEST_F(HttpServerTest, PipelinedRepliesWaitForAnEarlierOne) {
  serve();
  RawClient client(port());
  client.send(std::string(kHold) + std::string(kGet) + std::string(kHold));
  ASSERT_TRUE(handler_.wait_for_held(2));
  handler_.release(1, "third");
  handler_.release(0, "first");
  EXPECT_EQ(client.read_reply().body, "first");
  EXPECT_EQ(client.read_reply().body, "/a");
  EXPECT_EQ(client.read_reply().body, "third");
}

TEST_F(HttpServerTest, TheNumberOfUnansweredRequestsIsBounded) {
  options_.limits.max_pipelined = 3;
  serve();
  RawClient client(port());
  std::string requests;
  for (int i = 0; i < 8; ++i) requests += kHold;
  client.send(requests);
  ASSERT_TRUE(handler_.wait_for_held(3));
  EXPECT_EQ(RawClient(port()).exchange(kGet).status, 200);  // a moment in which a fourth could have come
  EXPECT_EQ(server_->totals().requests_in_flight, 3);
  for (std::size_t i = 0; i < 8; ++i) {
    ASSERT_TRUE(handler_.wait_for_held(i + 1));
    handler_.release(i, std::to_string(i));
    EXPECT_EQ(client.read_reply().body, std::to_string(i));
  }
}

TEST_F(HttpServerTest, ChunkedBodies) {
  serve();
  RawClient client(port());
  const std::string head = "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(client.exchange(head + "5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nTrailer: x\r\n\r\n").body, "hello world");
  // One byte at a time.
  for (const char c : head + "A\r\n0123456789\r\n00\r\n\r\n") client.send({&c, 1});
  EXPECT_EQ(client.read_reply().body, "0123456789");
  // Large, with the tensor's place.
  std::string body(700000, 'q');
  std::string request =
      "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nInference-Header-Content-Length: 77\r\n\r\n";
  for (std::size_t at = 0; at < body.size(); at += 70000) request += "11170\r\n" + body.substr(at, 70000) + "\r\n";
  EXPECT_EQ(client.exchange(request + "0\r\n\r\n").body, body);
  EXPECT_TRUE(handler_.tensor_was_aligned());
}

TEST_F(HttpServerTest, ExpectContinue) {
  serve();
  RawClient client(port());
  client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_head(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("body");
  EXPECT_EQ(client.read_reply().body, "body");
  // Not needed when the body is there already.
  EXPECT_EQ(client.exchange(post("/echo", "now", "Expect: 100-continue\r\n")).body, "now");
  // Behind a request that is not answered yet it must not come before that answer.
  client.send(std::string(kHold) +
              "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  ASSERT_TRUE(handler_.wait_for_held(1));
  handler_.release(0, "held");
  EXPECT_EQ(client.read_reply().body, "held");
  EXPECT_EQ(client.read_head(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("late");
  EXPECT_EQ(client.read_reply().body, "late");
  EXPECT_EQ(client.exchange("GET / HTTP/1.1\r\nHost: h\r\nExpect: pancakes\r\n\r\n").status, 417);
}

TEST_F(HttpServerTest, HeadAndOptions) {
  options_.cors.allowed_origins = "https://photos.example";
  options_.cors.allow_credentials = true;
  serve();
  RawClient client(port());
  client.send("HEAD /size?100 HTTP/1.1\r\nHost: h\r\n\r\n");
  auto reply = client.read_reply(false);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers.at("content-length"), "100");
  reply = client.exchange("OPTIONS /anything HTTP/1.1\r\nHost: h\r\nAccess-Control-Request-Method: POST\r\n\r\n");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "");
  EXPECT_EQ(reply.headers.at("access-control-allow-origin"), "https://photos.example");
  EXPECT_EQ(reply.headers.at("access-control-allow-credentials"), "true");
  EXPECT_EQ(client.exchange("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n").status, 200);
}

TEST_F(HttpServerTest, Http10) {
  serve();
  RawClient client(port());
  client.send("GET /a HTTP/1.0\r\n\r\n");
  auto reply = client.read_reply();
  EXPECT_EQ(reply.body, "/a");
  EXPECT_EQ(reply.headers.at("connection"), "close");
  EXPECT_TRUE(client.at_end());
  RawClient kept(port());
  EXPECT_EQ(kept.exchange("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").headers.at("connection"), "keep-alive");
  EXPECT_EQ(kept.exchange("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").body, "/a");
}

TEST_F(HttpServerTest, ConnectionCloseEndsItAfterTheReply) {
  serve();
  RawClient client(port());
  const auto reply = client.exchange("GET /size?300000 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(reply.body.size(), 300000U);
  EXPECT_EQ(reply.headers.at("connection"), "close");
  EXPECT_TRUE(client.at_end());
}

TEST_F(HttpServerTest, ServesIpv6) {
  options_.addresses = "127.0.0.1,::1";
  serve();
  RawClient client(port(), "::1");
  EXPECT_EQ(client.exchange(kGet).body, "/a");
}

TEST_F(HttpServerTest, ASecondServerOnThePortIsRefused) {
  serve();
  auto options = options_;
  options.port = port();
  auto second = HttpServer::start(options, handler_, *threads_, pool_);
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("Address already in use"));
}

TEST_F(HttpServerTest, ApiKey) {
  options_.api_key = "s3cret";
  serve();
  RawClient client(port());
  auto reply = client.exchange(kGet);
  EXPECT_EQ(reply.status, 401);
  EXPECT_EQ(reply.headers.at("www-authenticate"), "Bearer");
  EXPECT_EQ(reply.body, R"({"error":"Missing or wrong API key"})");
  EXPECT_EQ(client.exchange("GET /a HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer wrong!\r\n\r\n").status, 401);
  EXPECT_EQ(client.exchange("GET /a HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer s3cret\r\n\r\n").status, 200);
  EXPECT_EQ(client.exchange("GET /a HTTP/1.1\r\nHost: h\r\nAuthorization: bearer s3cret\r\n\r\n").status, 200);
  EXPECT_EQ(client.exchange("GET /a HTTP/1.1\r\nHost: h\r\nX-Api-Key: s3cret\r\n\r\n").status, 200);
  EXPECT_EQ(client.exchange("GET /v2/health/live HTTP/1.1\r\nHost: h\r\n\r\n").status, 200);
  EXPECT_EQ(client.exchange("OPTIONS /a HTTP/1.1\r\nHost: h\r\n\r\n").status, 200);
  EXPECT_EQ(client.exchange(post("/echo", "body")).status, 401);
  EXPECT_TRUE(client.at_end());
}

TEST_F(HttpServerTest, ALostClientCancelsItsRequest) {
  serve();
  RawClient client(port());
  client.send(kHold);
  ASSERT_TRUE(handler_.wait_for_held(1));
  EXPECT_EQ(handler_.gone(), 0);
  client.close();
  EXPECT_TRUE(handler_.wait_for_gone(1));
  handler_.release(0, "nobody listens");  // must do no harm
  RawClient reset(port());
  reset.send(kHold);
  ASSERT_TRUE(handler_.wait_for_held(2));
  reset.reset();
  EXPECT_TRUE(handler_.wait_for_gone(2));
  handler_.release(1, "nobody listens");
  EXPECT_TRUE(wait_for_totals(
      [](const auto& totals) { return totals.open_connections == 0 && totals.requests_in_flight == 0; }));
  EXPECT_EQ(server_->totals().client_gone, 2U);
}

TEST_F(HttpServerTest, AHalfClosedOneShotClientStillGetsItsReply) {
  serve();
  RawClient client(port());
  client.send("GET /hold HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  client.shutdown_write();
  ASSERT_TRUE(handler_.wait_for_held(1));
  EXPECT_EQ(RawClient(port()).exchange(kGet).status, 200);
  EXPECT_EQ(handler_.gone(), 0);
  handler_.release(0, "here it is");
  EXPECT_EQ(client.read_reply().body, "here it is");
  EXPECT_TRUE(client.at_end());

  RawClient piped(port());  // printf ... | nc -N
  piped.send(std::string(kGet) + std::string(kGet));
  piped.shutdown_write();
  EXPECT_EQ(piped.read_reply().body, "/a");
  EXPECT_EQ(piped.read_reply().body, "/a");
  EXPECT_TRUE(piped.at_end());
}

// The last of its requests may be answered already.
TEST_F(HttpServerTest, AClientThatLeavesEndsAllItsRequests) {
  serve();
  RawClient client(port());
  client.send(std::string(kHold) + std::string(kHold) + std::string(kGet));
  ASSERT_TRUE(handler_.wait_for_held(2));
  client.shutdown_write();
  EXPECT_TRUE(handler_.wait_for_gone(2));
  handler_.release(0, "");
  handler_.release(1, "");
}

TEST_F(HttpServerTest, RepliesFromOtherThreads) {
  serve();
  constexpr int kClients = 4;
  constexpr int kRequests = 200;
  std::atomic<int> sent{0};
  std::jthread answerer([&] {
    for (std::size_t i = 0; i < kClients * kRequests; ++i) {
      if (!handler_.wait_for_held(i + 1)) return;
      handler_.release(i, "late");
      ++sent;
    }
  });
  std::vector<std::jthread> clients;
  for (int c = 0; c < kClients; ++c) {
    clients.emplace_back([&] {
      RawClient client(port());
      for (int i = 0; i < kRequests; ++i) EXPECT_EQ(client.exchange(kHold).body, "late");
    });
  }
  clients.clear();
  answerer.join();
  EXPECT_EQ(sent.load(), kClients * kRequests);
}

TEST_F(HttpServerTest, LargeRepliesAreWrittenAsTheClientReads) {
  serve();
  RawClient client(port());
  client.send("GET /size?30000000 HTTP/1.1\r\nHost: h\r\n\r\n" + std::string(kGet));
  const auto reply = client.read_reply();
  EXPECT_EQ(reply.body.size(), 30000000U);
  EXPECT_EQ(reply.body.find_first_not_of('x'), std::string::npos);
  EXPECT_EQ(client.read_reply().body, "/a");
}

TEST_F(HttpServerTest, GracefulStopFinishesWhatWasBegun) {
  serve();
  RawClient idle(port());
  RawClient busy(port());
  RawClient sending(port());
  ASSERT_EQ(idle.exchange(kGet).status, 200);
  busy.send(kHold);
  const auto request = post("/echo", "hello");
  sending.send(std::string_view(request).substr(0, request.size() - 2));
  ASSERT_TRUE(handler_.wait_for_held(1));
  ASSERT_TRUE(wait_for_totals(
      [&](const auto& totals) { return totals.bytes_received == kGet.size() + kHold.size() + request.size() - 2; }));
  server_->begin_stop();
  EXPECT_TRUE(idle.at_end());
  EXPECT_FALSE(RawClient::connect_to("127.0.0.1", port()));
  std::jthread stopper([&] { EXPECT_EQ(server_->stop(Clock::now() + kPatience), 0U); });
  sending.send("lo");
  auto reply = sending.read_reply();
  EXPECT_EQ(reply.body, "hello");
  EXPECT_EQ(reply.headers.at("connection"), "close");
  handler_.release(0, "finished");
  reply = busy.read_reply();
  EXPECT_EQ(reply.body, "finished");
  EXPECT_EQ(reply.headers.at("connection"), "close");
}

TEST_F(HttpServerTest, StopCutsWhatDoesNotFinish) {
  serve();
  RawClient client(port());
  client.send(kHold);
  ASSERT_TRUE(handler_.wait_for_held(1));
  EXPECT_EQ(server_->stop(Clock::now() + 20ms), 1U);
  EXPECT_EQ(handler_.gone(), 1);
  EXPECT_TRUE(client.at_end());
  server_.reset();
  threads_.reset();
  handler_.release(0, "after everything is gone");
}

TEST_F(HttpServerTest, AccessLogHook) {
  struct Keeper final : observability::AccessLog {
    void record(const observability::AccessRecord& record) noexcept override {
      const std::lock_guard lock(mutex);
      lines.push_back(std::string(record.method) + " " + std::string(record.path) + " " +
                      std::to_string(record.status) + " " + std::to_string(record.bytes_in) + " " +
                      std::string(record.traceparent));
      has_time = record.took > Duration::zero() && record.bytes_out > 0 && record.remote.starts_with("127.0.0.1:");
    }
    std::mutex mutex;
    std::vector<std::string> lines;
    bool has_time = false;
  } log;
  options_.access_log = &log;
  serve();
  RawClient client(port());
  const auto request =
      post("/echo?x=1", "hello", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n");
  client.exchange(request);
  client.exchange("BREW\r\n\r\n");
  server_.reset();
  ASSERT_EQ(log.lines.size(), 2U);
  EXPECT_EQ(log.lines[0], "POST /echo?x=1 200 " + std::to_string(request.size()) +
                              " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  EXPECT_EQ(log.lines[1], "-  400 8 ");
  EXPECT_TRUE(log.has_time);
}

}  // namespace
}  // namespace ocelli::transport
