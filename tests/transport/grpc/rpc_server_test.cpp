// The whole server over real sockets, with RpcClient and with plain sockets.
#include "transport/grpc/rpc_server.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <random>
#include <thread>

#include "support/eventually.hpp"
#include "support/test_certificates.hpp"
#include "transport/grpc/http2_frames.hpp"
#include "transport/grpc/rpc_client.hpp"
#include "transport/grpc/rpc_echo.hpp"

namespace ocelli::transport {
namespace {

using namespace std::chrono_literals;
using namespace ocelli::test;
using testing::HasSubstr;

std::string random_text(std::size_t size) {
  std::string text(size, '\0');
  std::mt19937_64 random(size);
  for (std::size_t i = 0; i + 8 <= size; i += 8) {
    const auto value = random();
    std::memcpy(text.data() + i, &value, 8);
  }
  return text;
}

std::string_view text_of(const OwnedBytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.bytes.data()), bytes.bytes.size()};
}

// A TCP connection without any protocol.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  void send(std::string_view bytes) { (void)!::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL); }
  // Goes out with what tells that nothing more comes.
  void send_and_leave(std::string_view bytes) {
    (void)!::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_MORE);
    socket_ = {};
  }
  // Reads until this has come.
  bool receives(std::string_view bytes) {
    while (received_.find(bytes) == std::string::npos) {
      char some[4096];
      const auto got = ::recv(socket_.get(), some, sizeof some, 0);
      if (got <= 0) return false;
      received_.append(some, static_cast<std::size_t>(got));
    }
    return true;
  }
  // Reads until the server closes; false: it did not within the time. What was read is in received().
  bool closed_by_server(std::chrono::milliseconds patience = 20s) {
    const auto until = Clock::now() + patience;
    while (Clock::now() < until) {
      pollfd poll{socket_.get(), POLLIN, 0};
      if (::poll(&poll, 1, 100) <= 0) continue;
      char bytes[4096];
      const auto got = ::recv(socket_.get(), bytes, sizeof bytes, 0);
      if (got <= 0) return true;
      received_.append(bytes, static_cast<std::size_t>(got));
    }
    return false;
  }
  [[nodiscard]] const std::string& received() const noexcept { return received_; }

 private:
  FileDescriptor socket_;
  std::string received_;
};

class RpcServerTest : public testing::Test {
 protected:
  void start(RpcOptions options = {}, const TlsOptions& tls = {}) {
    auto threads = IoThreads::start(2);
    ASSERT_TRUE(threads.ok());
    threads_ = std::move(*threads);
    if (!tls.certificate_file.empty()) {
      auto context = TlsContext::create(tls, {"h2"});
      ASSERT_TRUE(context.ok()) << context.status().to_string();
      tls_ = std::move(*context);
    }
    RpcServerParts parts;
    parts.options = std::move(options);
    parts.handler = &handler_;
    parts.pool = &pool_;
    parts.threads = threads_.get();
    parts.tls = tls_.get();
    auto server = RpcServer::start(std::move(parts), "127.0.0.1", 0);
    ASSERT_TRUE(server.ok()) << server.status().to_string();
    server_ = std::move(*server);
  }
  Result<std::unique_ptr<RpcClient>> try_connect(TlsClient* tls = nullptr, const std::string& key = "") {
    RpcClientOptions options;
    options.port = server_->port();
    options.tls = tls;
    options.api_key = key;
    options.connect_timeout = 5s;
    return RpcClient::connect(options);
  }
  std::unique_ptr<RpcClient> connect(TlsClient* tls = nullptr, const std::string& key = "") {
    auto client = try_connect(tls, key);
    EXPECT_TRUE(client.ok()) << client.status().to_string();
    return client.ok() ? std::move(*client) : nullptr;
  }
  static Status call(RpcClient& client, const std::string& method, const std::string& message,
                     std::string* reply = nullptr) {
    RpcCall call;
    call.path = "/test.Echo/" + method;
    call.request().text() = message;
    call.timeout = 20s;
    client.run(call);
    if (reply) *reply = text_of(call.reply);
    return call.status;
  }

  EchoHandler handler_;
  BufferPool pool_;
  std::unique_ptr<IoThreads> threads_;
  std::unique_ptr<TlsContext> tls_;
  std::unique_ptr<RpcServer> server_;
};

TEST_F(RpcServerTest, EchoesMessagesOfAllSizes) {
  start();
  const auto client = connect();
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{64}, std::size_t{16'384}, std::size_t{602'112}, std::size_t{64} << 20}) {
    for (const auto* method : {"Unary", "Later"}) {
      const auto message = random_text(size);
      std::string reply;
      const auto status = call(*client, method, message, &reply);
      EXPECT_TRUE(status.ok()) << status.to_string();
      EXPECT_TRUE(reply == message) << size;
    }
  }
  EXPECT_EQ(server_->counters().requests.load(), 10U);
}

TEST_F(RpcServerTest, ManyCallsShareAConnection) {
  start();
  const auto client = connect();
  std::vector<RpcCall> calls(300);
  for (std::size_t i = 0; i < calls.size(); ++i) {
    calls[i].path = i % 3 == 0 ? "/test.Echo/Unary" : "/test.Echo/Later";
    calls[i].request().text() = random_text(i * 100);
    client->start(calls[i]);
  }
  std::size_t done = 0;
  while (auto* one = client->wait_any(Clock::now() + 20s)) {
    EXPECT_TRUE(one->status.ok()) << one->status.to_string();
    EXPECT_TRUE(text_of(one->reply) == one->request().text());
    ++done;
  }
  EXPECT_EQ(done, calls.size());
  EXPECT_EQ(client->in_flight(), 0U);
}

TEST_F(RpcServerTest, FourConnectionsAtOnce) {
  start();
  std::vector<std::thread> threads;
  for (int index = 0; index < 4; ++index) {
    threads.emplace_back([this, index] {
      const auto client = connect();
      for (std::size_t i = 0; i < 200; ++i) {
        const auto message = random_text(i % 10 == 0 ? 602'112 : 1000 + i * static_cast<std::size_t>(index));
        std::string reply;
        EXPECT_TRUE(call(*client, i % 2 == 0 ? "Unary" : "Later", message, &reply).ok());
        EXPECT_TRUE(reply == message);
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST_F(RpcServerTest, CompressedBothWays) {
  RpcOptions options;
  options.reply_encoding = RpcEncoding::kDeflate;
  start(options);
  const auto client = connect();
  const std::string text(500'000, 'z');
  for (const auto encoding : {RpcEncoding::kGzip, RpcEncoding::kDeflate}) {
    RpcCall call;
    call.path = "/test.Echo/Unary";
    call.encoding = encoding;
    call.request().text() = text;
    EXPECT_TRUE(client->run(call).ok()) << call.status.to_string();
    EXPECT_TRUE(text_of(call.reply) == text);
  }
  EXPECT_LT(server_->counters().bytes_received.load() + server_->counters().bytes_sent.load(), 50'000U);
}

TEST_F(RpcServerTest, ErrorsKeepCodeAndText) {
  start();
  const auto client = connect();
  RpcCall call;
  call.path = "/test.Echo/Fail";
  call.metadata = {{"x-code", "5"}};
  call.request().text() = "not there: \xc3\xbc, 100 %\n";
  EXPECT_EQ(client->run(call).code(), StatusCode::kNotFound);
  EXPECT_EQ(call.status.message(), call.request().text());
  EXPECT_EQ(RpcServerTest::call(*client, "Nothing", "").code(), StatusCode::kUnimplemented);
}

TEST_F(RpcServerTest, DeadlinesAndCancellationReachTheHandler) {
  start();
  const auto client = connect();
  RpcCall held;
  held.path = "/test.Echo/Hold";
  held.timeout = 200ms;
  EXPECT_EQ(client->run(held).code(), StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(handler_.wait_for_cancelled(1));
  held.timeout = {};
  client->start(held);
  EXPECT_FALSE(client->wait(held, Clock::now() + 20ms));
  client->cancel(held);
  EXPECT_EQ(held.status.code(), StatusCode::kCancelled);
  EXPECT_TRUE(handler_.wait_for_cancelled(2));
  EXPECT_TRUE(call(*client, "Unary", "still fine").ok());
}

TEST_F(RpcServerTest, LostConnectionsCancel) {
  start();
  RpcCall held;
  held.path = "/test.Echo/Hold";
  {
    const auto client = connect();
    client->start(held);
    EXPECT_TRUE(handler_.wait_for_held(1));
  }
  EXPECT_EQ(held.status.code(), StatusCode::kUnavailable);
  EXPECT_TRUE(handler_.wait_for_cancelled(1));
  EXPECT_TRUE(test::eventually([this] { return server_->counters().open_connections.load() == 0; }));
}

// A last frame and the end of the connection may arrive as one.
TEST_F(RpcServerTest, ClientsThatLeaveWithTheirLastBytesAreNoticed) {
  start();
  const auto acknowledged = frame(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, "");
  const auto request = headers_frame(1, call_headers("Hold")) + data_frame(1, grpc_message("x"), true);
  constexpr int kClients = 10;
  for (int i = 0; i < kClients; ++i) {
    for (const auto& last : {acknowledged + request, acknowledged}) {
      RawClient client(server_->port());
      client.send(std::string(kPreface) + frame(NGHTTP2_SETTINGS, 0, 0, ""));
      ASSERT_TRUE(client.receives(acknowledged));
      client.send_and_leave(last);
    }
  }
  EXPECT_TRUE(handler_.wait_for_cancelled(kClients));
  EXPECT_TRUE(test::eventually([this] { return server_->counters().open_connections.load() == 0; }));
}

TEST_F(RpcServerTest, StopCancelsWhatDoesNotEnd) {
  start();
  const auto client = connect();
  RpcCall held;
  held.path = "/test.Echo/Hold";
  client->start(held);
  EXPECT_TRUE(handler_.wait_for_held(1));
  EXPECT_TRUE(server_->stop(10ms));
  EXPECT_TRUE(handler_.wait_for_cancelled(1));
  client->wait(held, Clock::now() + 20s);
  EXPECT_FALSE(held.status.ok());
  EXPECT_FALSE(try_connect().ok());
}

TEST_F(RpcServerTest, StopWaitsForCallsThatEnd) {
  start();
  const auto client = connect();
  RpcCall held;
  held.path = "/test.Echo/Hold";
  client->start(held);
  EXPECT_TRUE(handler_.wait_for_held(1));
  std::thread stopper([this] { EXPECT_TRUE(server_->stop(20s)); });
  EXPECT_TRUE(test::eventually([this] { return !try_connect().ok(); }));
  handler_.release_held();
  client->wait(held, Clock::now() + 20s);
  EXPECT_TRUE(held.status.ok()) << held.status.to_string();
  stopper.join();
}

TEST_F(RpcServerTest, ApiKey) {
  RpcOptions options;
  options.api_key = "secret";
  options.open_paths = {"/test.Echo/Small"};
  start(options);
  EXPECT_TRUE(call(*connect(), "Small", "x").ok());
  EXPECT_TRUE(call(*connect(nullptr, "secret"), "Unary", "x").ok());
  EXPECT_EQ(call(*connect(nullptr, "Secret"), "Unary", "x").code(), StatusCode::kUnauthenticated);
  EXPECT_EQ(call(*connect(), "Unary", "x").code(), StatusCode::kUnauthenticated);
}

TEST_F(RpcServerTest, TlsAndMutualTls) {
  const testing_support::TestCertificates files;
  const auto client_with = [&](const std::string& certificate) {
    TlsClientOptions options;
    options.ca_file = files.certificate("ca");
    if (!certificate.empty()) {
      options.certificate_file = files.certificate(certificate);
      options.key_file = files.key(certificate);
    }
    auto made = TlsClient::create(options, "h2");
    EXPECT_TRUE(made.ok());
    return std::move(*made);
  };
  const auto nobody = client_with("");
  const auto known = client_with("client");
  const auto stranger = client_with("stranger");
  start({}, {files.certificate("server"), files.key("server"), ""});
  const auto message = random_text(3'000'000);
  std::string reply;
  EXPECT_TRUE(call(*connect(nobody.get()), "Unary", message, &reply).ok());
  EXPECT_TRUE(reply == message);
  EXPECT_FALSE(try_connect().ok());  // plain to a TLS port
  server_.reset();
  start({}, {files.certificate("server"), files.key("server"), files.certificate("ca")});
  EXPECT_TRUE(call(*connect(known.get()), "Later", message, &reply).ok());
  EXPECT_FALSE(try_connect(nobody.get()).ok());
  EXPECT_FALSE(try_connect(stranger.get()).ok());
}

TEST_F(RpcServerTest, ClientsOfHttp1AreToldWhatThisPortSpeaks) {
  start();
  for (const std::string request : {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST /v2/models/m/infer HTTP/1.1\r\n\r\n"}) {
    RawClient raw(server_->port());
    // The first letter alone may still become HTTP/2's preface.
    const auto before = server_->counters().bytes_received.load();
    raw.send(request.substr(0, 1));
    EXPECT_TRUE(test::eventually([&] { return server_->counters().bytes_received.load() == before + 1; }));
    raw.send(request.substr(1));
    EXPECT_TRUE(raw.closed_by_server());
    EXPECT_THAT(raw.received(), testing::StartsWith("HTTP/1.1 505 "));
    EXPECT_THAT(raw.received(), HasSubstr("gRPC"));
    const auto body = raw.received().substr(raw.received().find("\r\n\r\n") + 4);
    EXPECT_THAT(raw.received(), HasSubstr("Content-Length: " + std::to_string(body.size()) + "\r\n"));
  }
}

TEST_F(RpcServerTest, BrokenBytesHurtNobodyElse) {
  start();
  const auto honest = connect();
  std::mt19937 random(11);
  for (int round = 0; round < 60; ++round) {
    RawClient raw(server_->port());
    std::string bytes = std::string(kPreface) + frame(NGHTTP2_SETTINGS, 0, 0, "") +
                        unary_call(1, "Unary", random_text(500)) + unary_call(3, "Later", "x");
    if (round % 3 == 0) bytes = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    if (round % 3 == 1) bytes.resize(random() % bytes.size());
    if (round % 3 == 2)
      bytes[kPreface.size() + random() % (bytes.size() - kPreface.size())] = static_cast<char>(random());
    raw.send(bytes);
    EXPECT_TRUE(round % 3 != 0 || raw.closed_by_server());
    EXPECT_TRUE(call(*honest, "Unary", "x").ok());
  }
}

TEST_F(RpcServerTest, ClientThatReadsNothingIsDropped) {
  RpcOptions options;
  options.limits.progress_timeout = 200ms;
  start(options);
  RawClient raw(server_->port());
  raw.send(std::string(kPreface) +
           frame(NGHTTP2_SETTINGS, 0, 0, big_endian(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 2) + big_endian(1 << 30, 4)) +
           frame(NGHTTP2_WINDOW_UPDATE, 0, 0, big_endian(1 << 30, 4)) + headers_frame(1, call_headers("Flood")) +
           data_frame(1, grpc_message("go")));
  EXPECT_TRUE(handler_.wait_for_cancelled(1));
  EXPECT_TRUE(test::eventually([this] { return server_->counters().open_connections.load() == 0; }));
  EXPECT_GE(server_->counters().timeouts.load(), 1U);
}

TEST_F(RpcServerTest, ConnectionsOverTheLimitAreClosed) {
  RpcOptions options;
  options.limits.max_connections = 2;
  start(options);
  const auto first = connect();
  const auto second = connect();
  RawClient third(server_->port());
  EXPECT_TRUE(third.closed_by_server());
  EXPECT_EQ(server_->counters().refused_connections.load(), 1U);
  EXPECT_TRUE(call(*first, "Unary", "x").ok());
}

TEST_F(RpcServerTest, BusyPortIsAnError) {
  start();
  RpcServerParts parts;
  parts.handler = &handler_;
  parts.pool = &pool_;
  parts.threads = threads_.get();
  const auto second = RpcServer::start(std::move(parts), "127.0.0.1", server_->port());
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace ocelli::transport
