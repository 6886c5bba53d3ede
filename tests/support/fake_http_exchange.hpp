// FakeHttpExchange: an HTTP request made in a test, and the reply that a handler gave.
#pragma once

#include <strings.h>

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "transport/cancel_slot.hpp"
#include "transport/http/http_exchange.hpp"

namespace ocelli::test {

// The reply may be sent from any thread; wait() for it before reading it. client_gone() may be called while the handler
// works.
class FakeHttpExchange final : public transport::HttpExchange {
 public:
  FakeHttpExchange(transport::HttpMethod method, std::string target, std::string content = "")
      : target_(std::move(target)) {
    auto buffer = pool_.get(content.size() + 64);
    std::memcpy(buffer->data(), content.data(), content.size());
    const auto question = target_.find('?');
    request_.method = method;
    request_.path = std::string_view(target_).substr(0, question);
    if (question != std::string::npos) request_.query = std::string_view(target_).substr(question + 1);
    request_.body = {buffer->data(), content.size()};
    request_.body_owner = std::move(buffer);
    request_.remote = "127.0.0.1:1";
    request_.received = Clock::now();
  }

  std::shared_ptr<ByteBudget> memory = std::make_shared<ByteBudget>(0);  // what requests may take

  void set_header(const std::string& name, std::string value) { headers_[name] = std::move(value); }

  [[nodiscard]] const transport::HttpRequest& request() const noexcept override { return request_; }
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const noexcept override {
    for (const auto& [key, value] : headers_) {
      if (key.size() == name.size() && ::strncasecmp(key.data(), name.data(), name.size()) == 0) return value;
    }
    return std::nullopt;
  }
  [[nodiscard]] bool asks_for_coding() const noexcept override { return header("accept-encoding") == "gzip"; }
  [[nodiscard]] BufferPool& pool() noexcept override { return pool_; }
  [[nodiscard]] const std::shared_ptr<ByteBudget>& budget() const noexcept override { return memory; }
  void set_cancel_listener(transport::CancelListener* listener) noexcept override { cancel_.set(listener); }
  void send() noexcept override {
    cancel_.close();
    const std::lock_guard lock(mutex_);
    ++sent_;
    sender_ = std::this_thread::get_id();
    changed_.notify_all();
  }

  // Makes the same request once more; the reply keeps its capacity, as the transport's exchanges do.
  void again() {
    status = 200;
    extra_headers.clear();
    body.clear();
    cancel_.reset();
    const std::lock_guard lock(mutex_);
    sent_ = 0;
  }

  // What the connection does when the client closes it.
  void client_gone() { cancel_.fire(); }

  // Waits until the reply was sent; false when that takes longer than ten seconds.
  bool wait() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [this] { return sent_ > 0; });
  }
  // How often send() was called: must be once.
  [[nodiscard]] int sent() const {
    const std::lock_guard lock(mutex_);
    return sent_;
  }
  // The thread that sent the reply.
  [[nodiscard]] std::thread::id sender() const {
    const std::lock_guard lock(mutex_);
    return sender_;
  }
  // The whole body of the reply.
  [[nodiscard]] std::string reply() const {
    std::string text = body.text();
    for (const auto& piece : body.pieces())
      text.append(reinterpret_cast<const char*>(piece.bytes.data()), piece.bytes.size());
    return text;
  }
  // A header of the reply, or "".
  [[nodiscard]] std::string reply_header(std::string_view name) const {
    for (const auto& [key, value] : extra_headers) {
      if (key == name) return value;
    }
    return "";
  }

 private:
  BufferPool pool_;
  const std::string target_;
  transport::HttpRequest request_;
  std::map<std::string, std::string> headers_;
  transport::CancelSlot cancel_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  int sent_ = 0;
  std::thread::id sender_;
};

}  // namespace ocelli::test
