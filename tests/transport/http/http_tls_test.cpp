// TLS and mutual TLS, seen by OpenSSL's own client and by curl.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <array>
#include <cstdio>
#include <memory>

#include "support/test_certificates.hpp"
#include "transport/http/http_fixture.hpp"

namespace ocelli::transport {
namespace {

using testing::HasSubstr;

struct CommandResult {
  int status = 0;
  std::string output;
};

CommandResult run(const std::string& command) {
  CommandResult result;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  std::array<char, 4096> buffer{};
  while (const auto got = std::fread(buffer.data(), 1, buffer.size(), pipe)) result.output.append(buffer.data(), got);
  result.status = ::pclose(pipe);
  return result;
}

class HttpTlsTest : public HttpServerTest {
 protected:
  void serve_tls(bool mutual) {
    options_.tls = TlsOptions{certificates_.certificate("server"), certificates_.key("server"),
                              mutual ? certificates_.certificate("ca") : std::string()};
    serve();
  }
  [[nodiscard]] std::string curl(const std::string& arguments) const {
    return "curl -sS --max-time 20 --cacert '" + certificates_.certificate("ca") + "' " + arguments;
  }
  [[nodiscard]] std::string url(const std::string& path) const {
    return "https://localhost:" + std::to_string(port()) + path;
  }

  testing_support::TestCertificates certificates_;
};

TEST_F(HttpTlsTest, CurlTrustsAndTalks) {
  options_.addresses = "localhost";
  serve_tls(false);
  auto result = run(curl("--http1.1 " + url("/a") + " " + url("/b")));
  EXPECT_EQ(result.status, 0) << result.output;
  EXPECT_EQ(result.output, "/a/b");
  result = run(curl("--tlsv1.2 --tls-max 1.2 " + url("/a")));
  EXPECT_EQ(result.output, "/a");
  result = run(curl(url("/a") + " --tls-max 1.1 --ciphers DEFAULT@SECLEVEL=0"));
  EXPECT_NE(result.status, 0) << "older than TLS 1.2 is refused";
}

TEST_F(HttpTlsTest, LargeBodiesBothWays) {
  options_.addresses = "localhost";
  serve_tls(false);
  const auto file = (certificates_.folder() / "body").string();
  run("head -c 3000000 /dev/urandom > '" + file + "'");
  const auto result = run(curl("--data-binary @'" + file + "' -H 'Content-Type: application/octet-stream' " +
                               url("/echo") + " | cmp - '" + file + "'"));
  EXPECT_EQ(result.status, 0) << result.output;
}

TEST_F(HttpTlsTest, MutualTlsAcceptsOnlyItsOwnClients) {
  options_.addresses = "localhost";
  serve_tls(true);
  const auto with = [&](const std::string& name) {
    return run(
        curl("--cert '" + certificates_.certificate(name) + "' --key '" + certificates_.key(name) + "' " + url("/a")));
  };
  EXPECT_EQ(with("client").output, "/a");
  EXPECT_NE(run(curl(url("/a"))).status, 0) << "no certificate";
  EXPECT_NE(with("stranger").status, 0) << "a certificate of nobody we trust";
  EXPECT_EQ(server_->totals().requests, 1U);
}

TEST_F(HttpTlsTest, ClientsWithOtherProtocolsAreRefused) {
  serve_tls(false);
  const auto talk = [&](const std::string& protocol) {
    return run("openssl s_client -connect 127.0.0.1:" + std::to_string(port()) + " -alpn " + protocol + " </dev/null");
  };
  EXPECT_THAT(talk("http/1.1").output, HasSubstr("ALPN protocol: http/1.1"));
  EXPECT_THAT(talk("h2,http/1.1").output, HasSubstr("ALPN protocol: http/1.1"));
  EXPECT_THAT(talk("h2").output, HasSubstr("no application protocol"));
  // Plain HTTP to the TLS port: the connection ends, the server lives.
  RawClient plain(port());
  plain.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
  while (plain.read_more()) {
  }
  EXPECT_THAT(talk("http/1.1").output, HasSubstr("ALPN protocol: http/1.1"));
}

TEST_F(HttpTlsTest, AHandshakeThatDoesNotComeIsEnded) {
  options_.limits.header_timeout = std::chrono::milliseconds(100);
  serve_tls(false);
  RawClient silent(port());
  EXPECT_TRUE(silent.at_end());
  EXPECT_EQ(server_->totals().timeouts, 1U);
}

// The default disposition of SIGPIPE would end this program.
TEST_F(HttpTlsTest, AClientThatIsGoneRaisesNoSignal) {
  serve_tls(false);
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
  for (std::size_t i = 0; i < 5; ++i) {
    auto socket = RawClient::connect_to("127.0.0.1", port());
    const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context.get()), &SSL_free);
    SSL_set_fd(ssl.get(), socket.get());
    ASSERT_EQ(SSL_connect(ssl.get()), 1);
    const std::string_view request = "GET /hold HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    SSL_write(ssl.get(), request.data(), static_cast<int>(request.size()));
    ASSERT_TRUE(handler_.wait_for_held(i + 1));
    ::shutdown(socket.get(), SHUT_RDWR);
    socket.reset();
    handler_.release(i, std::string(5000000, 'x'));
  }
  EXPECT_TRUE(wait_for_totals([](const auto& totals) { return totals.open_connections == 0; }));
}

// Requests and replies of all sizes over a client that writes in odd pieces and reads late, so that both directions
// block in the middle of records.
TEST_F(HttpTlsTest, PipeliningOverTls) {
  serve_tls(false);
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
  auto socket = RawClient::connect_to("127.0.0.1", port());
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context.get()), &SSL_free);
  SSL_set_fd(ssl.get(), socket.get());
  ASSERT_EQ(SSL_connect(ssl.get()), 1);
  std::string requests;
  std::size_t expected = 0;
  for (int i = 0; i < 12; ++i) {
    const int size = 1 << (2 * i);
    requests += "GET /size?" + std::to_string(size) + " HTTP/1.1\r\nHost: h\r\n\r\n";
    expected += static_cast<std::size_t>(size);
  }
  for (std::size_t at = 0; at < requests.size(); at += 7) {
    const auto part = std::string_view(requests).substr(at, 7);
    ASSERT_EQ(SSL_write(ssl.get(), part.data(), static_cast<int>(part.size())), static_cast<int>(part.size()));
  }
  std::size_t letters = 0;
  std::array<char, 5000> buffer{};
  while (letters < expected) {
    const int got = SSL_read(ssl.get(), buffer.data(), static_cast<int>(buffer.size()));
    ASSERT_GT(got, 0) << letters << " of " << expected;
    letters += static_cast<std::size_t>(std::count(buffer.begin(), buffer.begin() + got, 'x'));
    // Headers hold no 'x' but in "text/plain", once a reply.
  }
  EXPECT_GE(letters, expected);
}

}  // namespace
}  // namespace ocelli::transport
