#include "cli/bench/http_client.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "transport/socket_address.hpp"

namespace ocelli::cli {
namespace {

constexpr std::size_t kReadBytes = std::size_t{64} * 1024;
constexpr std::size_t kMaxHead = std::size_t{64} * 1024;
constexpr timeval kTimeout{60, 0};

int open_socket(const transport::SocketAddress& address) {
  const int socket = ::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return -1;
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &kTimeout, sizeof kTimeout);
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &kTimeout, sizeof kTimeout);
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(socket, address.data(), address.size()) == 0) return socket;
  ::close(socket);
  return -1;
}

// The value of a header in a head that ends with an empty line; empty when it is not there.
std::string_view header_value(std::string_view head, std::string_view name) {
  for (std::size_t line = head.find("\r\n"); line + 2 < head.size(); line = head.find("\r\n", line + 2)) {
    const auto text = head.substr(line + 2);
    if (text.size() > name.size() && text[name.size()] == ':' &&
        ::strncasecmp(text.data(), name.data(), name.size()) == 0) {
      auto value = text.substr(name.size() + 1, text.find("\r\n") - name.size() - 1);
      value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
      return value;
    }
  }
  return {};
}

template <typename Number>
bool parse(std::string_view text, Number& number) {
  return !text.empty() && std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc{};
}

}  // namespace

Result<HttpClient> HttpClient::connect(const std::string& host, std::uint16_t port) {
  auto addresses = transport::resolve_host(host);
  if (!addresses.ok()) return addresses.status();
  for (auto& address : *addresses) {
    address.set_port(port);
    if (const int socket = open_socket(address); socket >= 0) return HttpClient(socket);
  }
  return unavailable(fmt::format("cannot connect to {}:{}: {}", host, port, std::strerror(errno)));
}

HttpClient::HttpClient(HttpClient&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)),
      reply_(std::move(other.reply_)),
      filled_(other.filled_),
      head_(other.head_) {}

HttpClient& HttpClient::operator=(HttpClient&& other) noexcept {
  std::swap(socket_, other.socket_);
  std::swap(reply_, other.reply_);
  std::swap(filled_, other.filled_);
  std::swap(head_, other.head_);
  return *this;
}

HttpClient::~HttpClient() {
  if (socket_ >= 0) ::close(socket_);
}

Status HttpClient::send_all(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return unavailable(fmt::format("sending failed: {}", std::strerror(errno)));
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  return {};
}

Status HttpClient::read_some(std::size_t wanted) {
  if (reply_.size() < filled_ + wanted) reply_.resize(filled_ + wanted);
  ssize_t got = 0;
  do {
    got = ::recv(socket_, reply_.data() + filled_, wanted, 0);
  } while (got < 0 && errno == EINTR);
  if (got == 0) return unavailable("the server closed the connection");
  if (got < 0) return unavailable(fmt::format("receiving failed: {}", std::strerror(errno)));
  filled_ += static_cast<std::size_t>(got);
  return {};
}

Result<int> HttpClient::exchange(std::span<const std::byte> request) {
  filled_ = 0;
  head_ = 0;
  if (auto status = send_all(request); !status.ok()) return status;
  while (head_ == 0) {
    if (auto status = read_some(kReadBytes); !status.ok()) return status;
    const auto end = std::string_view(reply_.data(), filled_).find("\r\n\r\n");
    if (end != std::string_view::npos) head_ = end + 4;
    if (head_ == 0 && filled_ > kMaxHead) return unavailable("the reply's head does not end");
  }
  const std::string_view head(reply_.data(), head_);
  int status_code = 0;
  std::size_t length = 0;
  if (!head.starts_with("HTTP/1.") || head.size() < 12 || !parse(head.substr(9, 3), status_code)) {
    return unavailable("the reply is not HTTP");
  }
  if (!parse(header_value(head, "content-length"), length)) return unavailable("the reply has no Content-Length");
  while (filled_ < head_ + length) {
    if (auto status = read_some(head_ + length - filled_); !status.ok()) return status;
  }
  return status_code;
}

}  // namespace ocelli::cli
