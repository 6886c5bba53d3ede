// FakeRpcExchange: one gRPC call without a network, for tests of handlers.
#pragma once

#include <condition_variable>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "transport/grpc/rpc_exchange.hpp"

namespace ocelli::test {

// Plays the transport's part: the test sends messages and cancels on its own thread, as the connection would; handlers
// may write and finish on any.
class FakeRpcExchange final : public transport::RpcExchange {
 public:
  explicit FakeRpcExchange(std::string path, const std::string& message = {}) : path_(std::move(path)) {
    message_ = make_message(message);
  }

  // --- what the handler sees
  [[nodiscard]] std::string_view path() const noexcept override { return path_; }
  [[nodiscard]] std::optional<std::string_view> metadata(std::string_view name) const noexcept override {
    const auto found = headers.find(name);
    return found == headers.end() ? std::nullopt : std::optional<std::string_view>(found->second);
  }
  [[nodiscard]] const transport::RpcMessage& message() const noexcept override { return message_; }
  [[nodiscard]] TimePoint deadline() const noexcept override { return call_deadline; }
  [[nodiscard]] TimePoint received() const noexcept override { return received_; }
  [[nodiscard]] std::string_view remote() const noexcept override { return "test"; }
  [[nodiscard]] BufferPool& pool() noexcept override { return pool_; }
  [[nodiscard]] const std::shared_ptr<ByteBudget>& budget() const noexcept override { return memory; }
  [[nodiscard]] transport::ReplyBody& reply() noexcept override { return reply_; }
  void set_stream_listener(transport::RpcStreamListener* listener) noexcept override { stream_listener_ = listener; }
  void set_cancel_listener(transport::CancelListener* listener) noexcept override {
    const std::lock_guard lock(listener_mutex_);
    cancel_listener_ = listener;
  }
  void write() noexcept override {
    const std::lock_guard lock(mutex_);
    written_.push_back(flatten());
    changed_.notify_all();
  }
  void finish(const Status& status) noexcept override {
    {
      const std::lock_guard gate(listener_mutex_);
      cancel_listener_ = nullptr;
    }
    const std::lock_guard lock(mutex_);
    ++finishes_;
    finisher_ = std::this_thread::get_id();
    status_ = status;
    if (status.ok() && !stream_listener_) written_.push_back(flatten());
    changed_.notify_all();
  }

  // --- what the client does
  void send(const std::string& message) { stream_listener_->on_message(*this, make_message(message)); }
  void end_messages() { stream_listener_->on_messages_end(*this); }
  void cancel() {
    const std::lock_guard gate(listener_mutex_);
    if (auto* listener = std::exchange(cancel_listener_, nullptr)) listener->on_client_gone();
  }

  // --- what the client gets; waiting ends after ten seconds at the latest
  bool wait_finished() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [this] { return finishes_ > 0; });
  }
  bool wait_written(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return written_.size() >= count; });
  }
  [[nodiscard]] int finishes() const { return with_lock(finishes_); }
  // The thread that finished it.
  [[nodiscard]] std::thread::id finisher() const { return with_lock(finisher_); }
  [[nodiscard]] Status status() const { return with_lock(status_); }
  [[nodiscard]] std::vector<std::string> written() const { return with_lock(written_); }
  // Pieces of the reply that finish() sent, before they were put together.
  [[nodiscard]] const transport::ReplyBody& raw_reply() const noexcept { return reply_; }

  std::map<std::string, std::string, std::less<>> headers;
  TimePoint call_deadline = kNever;
  std::shared_ptr<ByteBudget> memory = std::make_shared<ByteBudget>(0);  // what requests may take

 private:
  static transport::RpcMessage make_message(const std::string& text) {
    auto buffer = Buffer::allocate(text.size());
    if (!text.empty()) std::memcpy(buffer->data(), text.data(), text.size());
    return {{buffer->data(), text.size()}, buffer};
  }
  std::string flatten() {
    std::string whole = reply_.text();
    for (const auto& piece : reply_.pieces())
      whole.append(reinterpret_cast<const char*>(piece.bytes.data()), piece.bytes.size());
    if (stream_listener_) reply_.clear();
    return whole;
  }
  template <typename T>
  T with_lock(const T& value) const {
    const std::lock_guard lock(mutex_);
    return value;
  }

  std::string path_;
  transport::RpcMessage message_;
  TimePoint received_ = Clock::now();
  BufferPool pool_;
  transport::ReplyBody reply_;
  transport::RpcStreamListener* stream_listener_ = nullptr;
  std::recursive_mutex listener_mutex_;
  transport::CancelListener* cancel_listener_ = nullptr;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> written_;
  Status status_;
  int finishes_ = 0;
  std::thread::id finisher_;
};

}  // namespace ocelli::test
