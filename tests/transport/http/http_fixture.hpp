// What the tests of the HTTP server share: a server with a scripted handler, and a raw client that sees every byte.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "support/eventually.hpp"
#include "transport/http/http_server.hpp"
#include "transport/http/request_head.hpp"

namespace ocelli::transport {

inline constexpr std::chrono::seconds kPatience{20};

// GET /size?N answers N bytes of text; /kept how much memory the exchange has for text; /echo its body; /hold keeps the
// exchange until the test lets it go; all else 200 with the path.
class ScriptedHandler final : public HttpHandler, public CancelListener {
 public:
  void handle(HttpExchange& exchange) noexcept override {
    const auto& request = exchange.request();
    if (request.path == "/echo") {
      aligned_ = reinterpret_cast<std::uintptr_t>(request.body.data()) % 64 == 0;
      if (const auto length = exchange.header("inference-header-content-length")) {
        json_end_aligned_ =
            reinterpret_cast<std::uintptr_t>(request.body.data() + std::stoul(std::string(*length))) % 64 == 0;
      }
      exchange.body.add(request.body, request.body_owner);
    } else if (request.path == "/size") {
      exchange.content_type = "text/plain";
      exchange.body.text().assign(std::stoul(std::string(request.query)), 'x');
    } else if (request.path == "/kept") {
      exchange.body.text() = std::to_string(exchange.body.text().capacity());
    } else if (request.path == "/hold") {
      exchange.set_cancel_listener(this);
      const std::lock_guard lock(mutex_);
      held_.push_back(&exchange);
      changed_.notify_all();
      return;
    } else {
      exchange.body.text().assign(request.path);
    }
    exchange.send();
  }

  void on_client_gone() noexcept override {
    const std::lock_guard lock(mutex_);
    ++gone_;
    changed_.notify_all();
  }

  bool wait_for_held(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return held_.size() >= count; });
  }
  bool wait_for_gone(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return gone_ >= count; });
  }
  int gone() {
    const std::lock_guard lock(mutex_);
    return gone_;
  }
  // Answers the held exchange at index, from this thread.
  void release(std::size_t index, std::string_view text) {
    HttpExchange* exchange = nullptr;
    {
      const std::lock_guard lock(mutex_);
      exchange = held_[index];
      held_[index] = nullptr;
    }
    exchange->body.text().assign(text);
    exchange->send();
  }
  bool body_was_aligned() const { return aligned_; }
  bool tensor_was_aligned() const { return json_end_aligned_; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<HttpExchange*> held_;
  int gone_ = 0;
  std::atomic<bool> aligned_{false};
  std::atomic<bool> json_end_aligned_{false};
};

struct RawReply {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

// A blocking client without any idea of HTTP but where a reply ends.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port, const char* address = "127.0.0.1") : socket_(connect_to(address, port)) {
    EXPECT_TRUE(socket_) << "connect";
  }

  static FileDescriptor connect_to(const char* address, std::uint16_t port) {
    if (std::strchr(address, ':')) {
      sockaddr_in6 target{};
      target.sin6_family = AF_INET6;
      target.sin6_port = htons(port);
      ::inet_pton(AF_INET6, address, &target.sin6_addr);
      FileDescriptor socket(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
      return ::connect(socket.get(), reinterpret_cast<sockaddr*>(&target), sizeof target) == 0 ? std::move(socket)
                                                                                               : FileDescriptor();
    }
    sockaddr_in target{};
    target.sin_family = AF_INET;
    target.sin_port = htons(port);
    ::inet_pton(AF_INET, address, &target.sin_addr);
    FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return ::connect(socket.get(), reinterpret_cast<sockaddr*>(&target), sizeof target) == 0 ? std::move(socket)
                                                                                             : FileDescriptor();
  }

  // False when the server has closed.
  bool send(std::string_view text) {
    while (!text.empty()) {
      const auto sent = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void shutdown_write() { ::shutdown(socket_.get(), SHUT_WR); }
  void close() { socket_.reset(); }
  // Closes so that the server sees a reset.
  void reset() {
    const linger now{1, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    socket_.reset();
  }
  [[nodiscard]] int fd() const { return socket_.get(); }

  // Reads once more; false at the end or after too long.
  bool read_more() {
    pollfd ready{socket_.get(), POLLIN, 0};
    if (::poll(&ready, 1, std::chrono::milliseconds(kPatience).count()) != 1) {
      ADD_FAILURE() << "nothing arrived in time";
      return false;
    }
    char buffer[65536];
    const auto got = ::recv(socket_.get(), buffer, sizeof buffer, 0);
    if (got <= 0) return false;
    buffered_.append(buffer, static_cast<std::size_t>(got));
    return true;
  }
  // Reads to the next empty line; empty when the connection ended first.
  std::string read_head() {
    std::size_t end = 0;
    while ((end = buffered_.find("\r\n\r\n")) == std::string::npos) {
      if (!read_more()) return {};
    }
    auto head = buffered_.substr(0, end + 4);
    buffered_.erase(0, end + 4);
    return head;
  }
  RawReply read_reply(bool has_body = true) {
    RawReply reply;
    const auto head = read_head();
    if (head.empty()) return reply;
    reply.status = std::stoi(head.substr(9, 3));
    for (auto at = head.find("\r\n") + 2; at + 2 < head.size();) {
      const auto end = head.find("\r\n", at);
      const auto colon = head.find(": ", at);
      std::string name = head.substr(at, colon - at);
      for (auto& c : name) c = static_cast<char>(std::tolower(c));
      reply.headers[name] = head.substr(colon + 2, end - colon - 2);
      at = end + 2;
    }
    const auto length = reply.headers.find("content-length");
    if (!has_body || length == reply.headers.end()) return reply;
    const auto size = std::stoul(length->second);
    while (buffered_.size() < size) {
      if (!read_more()) return reply;
    }
    reply.body = buffered_.substr(0, size);
    buffered_.erase(0, size);
    return reply;
  }
  RawReply exchange(std::string_view request) {
    send(request);
    return read_reply();
  }
  // True when the server closes and nothing else comes before.
  bool at_end() {
    if (!buffered_.empty()) return false;
    while (read_more()) {
      if (!buffered_.empty()) return false;
    }
    return true;
  }

 private:
  FileDescriptor socket_;
  std::string buffered_;
};

class HttpServerTest : public testing::Test {
 protected:
  void SetUp() override {
    auto started = IoThreads::start(2);
    ASSERT_TRUE(started.ok());
    threads_ = std::move(*started);
    options_.addresses = "127.0.0.1";
  }
  void TearDown() override {
    server_.reset();
    threads_.reset();
  }
  void serve() {
    auto started = HttpServer::start(options_, handler_, *threads_, pool_);
    ASSERT_TRUE(started.ok()) << started.status().to_string();
    server_ = std::move(*started);
  }
  [[nodiscard]] std::uint16_t port() const { return server_->port(); }
  // Waits until predicate(totals) holds.
  template <typename Predicate>
  bool wait_for_totals(Predicate predicate) {
    return test::eventually([&] { return predicate(server_->totals()); }, kPatience);
  }

  HttpOptions options_;
  ScriptedHandler handler_;
  BufferPool pool_;
  std::unique_ptr<IoThreads> threads_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace ocelli::transport
