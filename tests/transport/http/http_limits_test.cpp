// Bad input, slow clients and limits: a clear answer, the server lives, others are untouched.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/resource.h>

#include "support/sanitizers.hpp"
#include "transport/http/http_fixture.hpp"

namespace ocelli::transport {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

class HttpLimitsTest : public HttpServerTest {
 protected:
  // Sends bytes on a new connection, expects that status and an error text, and the connection's end.
  void expect_refusal(std::string_view bytes, int status, std::string_view text) {
    RawClient client(port());
    client.send(bytes);
    const auto reply = client.read_reply();
    EXPECT_EQ(reply.status, status) << bytes.substr(0, 200);
    EXPECT_THAT(reply.body, HasSubstr(std::string(text))) << bytes.substr(0, 200);
    EXPECT_THAT(reply.body, testing::StartsWith("{\"error\":\""));
    EXPECT_EQ(reply.headers.at("access-control-allow-origin"), "*") << "on every reply";
    EXPECT_TRUE(client.at_end()) << "what follows cannot be told from a request";
  }
};

TEST_F(HttpLimitsTest, MalformedRequests) {
  serve();
  expect_refusal("\x16\x03\x01\x02", 400, "Malformed HTTP request");  // TLS to the plain port
  expect_refusal("GET /a HTTP/1.1\nHost: h\n\n", 400, "Malformed HTTP request");
  expect_refusal("GET /a HTTP/1.1\r\n\r\n", 400, "Missing Host header");
  expect_refusal("GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "More than one Host header");
  expect_refusal("GET  /a HTTP/1.1\r\nHost: h\r\n\r\n", 400, "request target");
  expect_refusal("GET /a\r\nHost: h\r\n\r\n", 400, "Malformed request line");
  expect_refusal("GET a HTTP/1.1\r\nHost: h\r\n\r\n", 400, "Malformed request target");
  expect_refusal("G(T /a HTTP/1.1\r\nHost: h\r\n\r\n", 400, "Malformed request method");
  expect_refusal("GET /a HTTP/2.0\r\nHost: h\r\n\r\n", 505, "HTTP version not supported");
  expect_refusal("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "HTTP version not supported");
  expect_refusal("GET /a HTTP/1.1\r\nHost: h\r\nBad Name: x\r\n\r\n", 400, "Malformed header name");
  expect_refusal("GET /a HTTP/1.1\r\nHost: h\r\nX: a\x01z\r\n\r\n", 400, "Invalid character in header X");
  expect_refusal("GET /a HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n", 400, "no colon");
}

TEST_F(HttpLimitsTest, RequestsThatTwoParsersWouldReadDifferently) {
  serve();
  const std::string head = "POST /echo HTTP/1.1\r\nHost: h\r\n";
  const std::string smuggled = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
  expect_refusal(head + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello" + smuggled, 400,
                 "More than one Content-Length");
  expect_refusal(head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello" + smuggled, 400,
                 "More than one Content-Length");
  expect_refusal(head + "Content-Length: 5, 5\r\n\r\nhello" + smuggled, 400, "Invalid Content-Length");
  expect_refusal(head + "Content-Length: +5\r\n\r\nhello" + smuggled, 400, "Invalid Content-Length");
  expect_refusal(head + "Content-Length: -5\r\n\r\nhello" + smuggled, 400, "Invalid Content-Length");
  expect_refusal(head + "Content-Length: 0x5\r\n\r\nhello" + smuggled, 400, "Invalid Content-Length");
  expect_refusal(head + "Content-Length: 99999999999999999999\r\n\r\nhello" + smuggled, 400, "Invalid Content-Length");
  expect_refusal(head + "Content-Length:\r\n\r\nhello" + smuggled, 400, "Invalid Content-Length");
  expect_refusal(head + "Content-Length: 5\r\nInference-Header-Content-Length: 5\r\n" +
                     "inference-header-content-length: 4\r\n\r\nhello" + smuggled,
                 400, "More than one Inference-Header-Content-Length");
  expect_refusal(head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled, 400,
                 "Both Content-Length and Transfer-Encoding");
  expect_refusal(head + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + smuggled, 400,
                 "Both Content-Length and Transfer-Encoding");
  expect_refusal(head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled, 400,
                 "More than one Transfer-Encoding");
  expect_refusal(head + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + smuggled, 501,
                 "Unsupported Transfer-Encoding");
  expect_refusal(head + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + smuggled, 501,
                 "Unsupported Transfer-Encoding");
  expect_refusal(head + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + smuggled, 400, "Malformed header name");
  expect_refusal(head + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + smuggled, 501,
                 "Unsupported Transfer-Encoding");
  expect_refusal(head + "X: a\r\n folded\r\nContent-Length: 0\r\n\r\n" + smuggled, 400, "no colon");
  expect_refusal("POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled, 400,
                 "not allowed in HTTP/1.0");
  for (const auto* chunks :
       {"5 \r\nhello\r\n0\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n", "-1\r\nhello\r\n0\r\n\r\n", "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n", "g\r\nhello\r\n0\r\n\r\n", "\r\nhello\r\n0\r\n\r\n",
        "00000000000000005\r\nhello\r\n0\r\n\r\n", "0\r\nX: 1\n\r\n\r\n"}) {
    expect_refusal(head + "Transfer-Encoding: chunked\r\n\r\n" + chunks + smuggled, 400,
                   "Malformed chunked request body");
  }
  EXPECT_EQ(server_->totals().requests, 0U) << "none of them reached the handler";
  EXPECT_EQ(RawClient(port()).exchange(kGet).status, 200);
}

TEST_F(HttpLimitsTest, HeaderLimits) {
  serve();
  const std::string start = "GET /a HTTP/1.1\r\nHost: h\r\n";
  expect_refusal(start + "X: " + std::string(40000, 'x') + "\r\n\r\n", 431,
                 "Request header too large. Limit: 32768 bytes");
  expect_refusal(start + "X: " + std::string(40000, 'x'), 431, "Request header too large. Limit: 32768 bytes");
  std::string many = start;
  for (int i = 0; i < 100; ++i) many += "X-" + std::to_string(i) + ": v\r\n";
  expect_refusal(many + "\r\n", 431, "Too many headers. Limit: 100");
  expect_refusal("GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n", 414, "Request target too long");
  RawClient client(port());
  EXPECT_EQ(client.exchange(start + "X: " + std::string(30000, 'x') + "\r\n\r\n").status, 200);
}

TEST_F(HttpLimitsTest, BodyLimits) {
  options_.limits.max_body_bytes = 1000;
  serve();
  const std::string head = "POST /echo HTTP/1.1\r\nHost: h\r\n";
  expect_refusal(head + "Content-Length: 1001\r\n\r\n", 413,
                 "Request body too large. Limit: 1000 bytes; Actual: 1001 bytes");
  expect_refusal(head + "Content-Length: 1001\r\nExpect: 100-continue\r\n\r\n", 413, "Request body too large");
  expect_refusal(head + "Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + std::string(1001, 'x') + "\r\n0\r\n\r\n", 413,
                 "Actual: at least 1001 bytes");
  // Refused when the chunk's size is read: nothing of its data was sent, not even the end of the line.
  for (const auto* size : {"3e9", "3e90", "fffffffffffffffff", "000000000000003e9"}) {
    expect_refusal(head + "Transfer-Encoding: chunked\r\n\r\n" + size, size[0] == '0' ? 400 : 413,
                   size[0] == '0' ? "Malformed chunked request body" : "Request body too large. Limit: 1000 bytes");
  }
  expect_refusal(head + "Transfer-Encoding: chunked\r\n\r\n1f4\r\n" + std::string(500, 'x') + "\r\n1f5\r\n", 413,
                 "Actual: at least 1001 bytes");
  EXPECT_EQ(RawClient(port()).exchange(head + "Content-Length: 1000\r\n\r\n" + std::string(1000, 'x')).body.size(),
            1000U);
}

TEST_F(HttpLimitsTest, ABodyThatIsTooLargeIsRefusedBeforeItIsSent) {
  serve();
  RawClient client(port());
  client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1073741825\r\n\r\n");
  EXPECT_EQ(client.read_reply().status, 413);
  // A client that sends it anyway can still read the reply, and then is cut.
  RawClient stubborn(port());
  stubborn.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1073741825\r\n\r\n");
  const std::string megabyte(1 << 20, 'x');
  EXPECT_TRUE(stubborn.send(megabyte));
  EXPECT_EQ(stubborn.read_reply().status, 413);
  int sent = 0;
  while (sent < 100 && stubborn.send(megabyte)) ++sent;
  EXPECT_LT(sent, 100);
}

TEST_F(HttpLimitsTest, BodiesOfAllConnectionsTogetherAreBounded) {
  options_.max_total_bytes = 1000000;
  serve();
  const auto request = [](std::size_t size) {
    return "POST /hold HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
           std::string(size, 'x');
  };
  RawClient first(port());
  first.send(request(600000));
  ASSERT_TRUE(handler_.wait_for_held(1));
  expect_refusal(request(500000), 429, "Too many request bodies are in memory. Limit: 1000000 bytes");
  RawClient chunked(port());
  chunked.send("POST /hold HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n7a120\r\n" +
               std::string(500000, 'x'));
  EXPECT_EQ(chunked.read_reply().status, 429);
  EXPECT_EQ(RawClient(port()).exchange(kGet).status, 200) << "others are untouched";
  first.close();
  ASSERT_TRUE(handler_.wait_for_gone(1));
  expect_refusal(request(500000), 429, "In use: 600000 bytes");  // the handler has it still
  handler_.release(0, "");
  RawClient second(port());
  second.send(request(900000));
  ASSERT_TRUE(handler_.wait_for_held(2)) << "what the lost client held was given back";
  handler_.release(1, "done");
  EXPECT_EQ(second.read_reply().body, "done");
}

TEST_F(HttpLimitsTest, ABodyThatIsOnlyAnnouncedKeepsNobodyOut) {
  options_.max_total_bytes = 8 << 20;
  serve();
  const auto head = [](std::size_t size) {
    return "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n";
  };
  constexpr std::size_t kLong = std::size_t{7} << 20;
  RawClient slow(port());
  slow.send(head(kLong) + "x");
  ASSERT_TRUE(wait_for_totals([&](const auto& totals) { return totals.bytes_received > head(kLong).size(); }));
  expect_refusal(head(kLong + 1), 429, "Needed: 7340033 bytes more");  // before it is sent
  const auto size = std::size_t{5} << 20;
  EXPECT_EQ(RawClient(port()).exchange(head(size) + std::string(size, 'y')).status, 200);
  slow.send(std::string(kLong - 1, 'x'));
  EXPECT_EQ(slow.read_reply().status, 200);
}

TEST_F(HttpLimitsTest, TooManyConnections) {
  options_.limits.max_connections = 2;
  serve();
  RawClient first(port());
  RawClient second(port());
  ASSERT_EQ(first.exchange(kGet).status, 200);
  ASSERT_EQ(second.exchange(kGet).status, 200);
  {
    RawClient third(port());
    const auto reply = third.read_reply();
    EXPECT_EQ(reply.status, 503);
    EXPECT_THAT(reply.body, HasSubstr("Too many connections. Limit: 2"));
  }
  first.close();
  ASSERT_TRUE(wait_for_totals([](const auto& totals) { return totals.open_connections == 1; }));
  EXPECT_EQ(RawClient(port()).exchange(kGet).status, 200);
  EXPECT_EQ(server_->totals().refused_connections, 1U);
}

TEST_F(HttpLimitsTest, SlowHeaderIsEnded) {
  options_.limits.header_timeout = 100ms;
  serve();
  RawClient client(port());
  client.send("GET /a HTTP/1.1\r\nHo");
  // A byte now and then does not prolong it.
  std::atomic<bool> over{false};
  std::jthread drip([&] {
    while (!over && client.send("x")) std::this_thread::sleep_for(5ms);
  });
  EXPECT_EQ(client.read_reply().status, 408);
  over = true;
  drip.join();
  EXPECT_TRUE(client.at_end());
  EXPECT_EQ(server_->totals().timeouts, 1U);
}

TEST_F(HttpLimitsTest, SlowBodyIsEnded) {
  options_.limits.progress_timeout = 100ms;
  serve();
  RawClient client(port());
  client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nsome");
  EXPECT_EQ(client.read_reply().status, 408);
  EXPECT_TRUE(client.at_end());
}

TEST_F(HttpLimitsTest, ADrippingBodyIsEnded) {
  options_.limits.progress_timeout = 150ms;
  options_.limits.min_body_bytes_per_second = 1 << 20;
  serve();
  RawClient client(port());
  client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
  std::atomic<bool> over{false};
  std::jthread drip([&] {
    while (!over && client.send("x")) std::this_thread::sleep_for(10ms);
  });
  EXPECT_EQ(client.read_reply().status, 408);
  over = true;
}

TEST_F(HttpLimitsTest, AClientThatReadsNothingIsDropped) {
  options_.limits.progress_timeout = 100ms;
  serve();
  RawClient client(port());
  client.send("GET /size?50000000 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(wait_for_totals([](const auto& totals) { return totals.timeouts == 1 && totals.open_connections == 0; }));
  EXPECT_EQ(RawClient(port()).exchange(kGet).status, 200);
}

TEST_F(HttpLimitsTest, IdleConnectionsEndQuietly) {
  options_.limits.idle_timeout = 500ms;  // far more than the exchange takes on a busy machine
  serve();
  RawClient fresh(port());
  RawClient used(port());
  ASSERT_EQ(used.exchange(kGet).status, 200);
  EXPECT_TRUE(fresh.at_end());
  EXPECT_TRUE(used.at_end());
  EXPECT_EQ(server_->totals().timeouts, 0U);
}

TEST_F(HttpLimitsTest, ManyIdleConnectionsCostLittle) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const int wanted = 10000;
  const int count = std::min(wanted, static_cast<int>((limit.rlim_cur - 200) / 2));
  ASSERT_GE(count, 300);
  options_.limits.max_connections = 20000;
  serve();
  const auto live_bytes = [] { return ::mallinfo2().uordblks; };
  const auto before = live_bytes();
  std::vector<FileDescriptor> idle;
  for (int i = 0; i < count; ++i) {
    idle.push_back(RawClient::connect_to("127.0.0.1", port()));
    ASSERT_TRUE(idle.back()) << i;
    // Half of them have had an answer, so that a buffer that stays behind would show.
    if (i % 2 == 0) {
      ASSERT_EQ(::send(idle.back().get(), kGet.data(), kGet.size(), 0), static_cast<ssize_t>(kGet.size()));
    }
  }
  ASSERT_TRUE(wait_for_totals([&](const auto& totals) {
    return totals.open_connections == count && totals.requests == static_cast<std::uint64_t>((count + 1) / 2) &&
           totals.requests_in_flight == 0;
  }));
  EXPECT_EQ(RawClient(port()).exchange(kGet).status, 200);
  const auto each = (live_bytes() - before) / static_cast<std::size_t>(count);
  std::printf("%d idle connections, %zu bytes each\n", count, each);
  if (test::kMemoryIsTheSanitizers) return;
  EXPECT_GT(each, 100U) << "that much a connection must take";
  EXPECT_LT(each, 1500U);
}

TEST_F(HttpLimitsTest, AConnectionGivesBackTheMemoryOfALargeReply) {
  serve();
  RawClient client(port());
  constexpr std::size_t kLarge = std::size_t{8} << 20;
  EXPECT_EQ(client.exchange("GET /size?" + std::to_string(kLarge) + " HTTP/1.1\r\nHost: h\r\n\r\n").body.size(),
            kLarge);
  const auto kept = client.exchange("GET /kept HTTP/1.1\r\nHost: h\r\n\r\n").body;
  EXPECT_LE(std::stoul(kept), std::size_t{64} << 10) << "bytes of an idle connection";
}

TEST_F(HttpLimitsTest, ALyingLengthIsCancelledByTheClientsEnd) {
  serve();
  RawClient client(port());
  client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nonly this");
  client.shutdown_write();
  EXPECT_TRUE(client.at_end());
  EXPECT_EQ(server_->totals().requests, 0U);
}

}  // namespace
}  // namespace ocelli::transport
