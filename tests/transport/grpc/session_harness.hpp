// SessionHarness: a Http2Session without a socket, in the hands of a test that also decides what time it is.
#pragma once

#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include "transport/grpc/http2_frames.hpp"
#include "transport/grpc/http2_session.hpp"

namespace ocelli::test {

// The test's thread is the session's. What the session writes is collected in received().
class SessionHarness final : public transport::SessionHost {
 public:
  SessionHarness(transport::RpcOptions options, transport::RpcHandler& handler)
      : context_(std::move(options), handler, pool_, nullptr, {}) {
    session_ = std::make_shared<transport::Http2Session>(context_, *this, "127.0.0.1:1");
    session_->start(now_);
    settle();
  }
  ~SessionHarness() {
    session_->lost();
    while (session_.use_count() > 1) {  // a handler's thread is about to finish a call
      session_->drain(now_);
      std::this_thread::yield();
    }
  }
  SessionHarness(const SessionHarness&) = delete;
  SessionHarness& operator=(const SessionHarness&) = delete;

  [[nodiscard]] bool on_session_thread() const noexcept override { return std::this_thread::get_id() == thread_; }
  void wake() noexcept override { woken_ = true; }
  std::shared_ptr<void> keep_alive() noexcept override { return session_; }

  // In pieces of that size, each put where the session wants it.
  void send(std::string_view bytes, std::size_t piece = static_cast<std::size_t>(-1)) {
    while (!bytes.empty() && !session_->done()) {
      auto part = bytes.substr(0, piece);
      const auto space = session_->direct_space();
      if (!space.empty()) {
        part = part.substr(0, space.size());
        std::memcpy(space.data(), part.data(), part.size());
        session_->receive(space.first(part.size()), now_);
      } else {
        session_->receive(std::as_bytes(std::span(part)), now_);
      }
      bytes.remove_prefix(part.size());
      settle();
    }
  }
  // Takes over what other threads finished.
  void drain() {
    session_->drain(now_);
    settle();
  }
  void advance(Duration duration) {
    now_ += duration;
    if (session_->next_time() <= now_) session_->on_time(now_);
    settle();
  }
  // While set, nothing that the session wants to write goes anywhere.
  void block(bool blocked) {
    blocked_ = blocked;
    settle();
  }

  [[nodiscard]] AnswerReader& answers() noexcept { return reader_; }
  [[nodiscard]] const Answer& answer(std::uint32_t stream) { return reader_.answers[stream]; }
  [[nodiscard]] transport::Http2Session& session() noexcept { return *session_; }
  [[nodiscard]] transport::RpcContext& context() noexcept { return context_; }
  [[nodiscard]] bool woken() const noexcept { return woken_; }
  [[nodiscard]] TimePoint now() const noexcept { return now_; }

 private:
  void settle() {
    auto& output = session_->output();
    while (true) {
      session_->pump();
      if (output.empty() || blocked_) return;
      std::array<iovec, 64> pieces;
      const std::size_t count = output.gather(pieces);
      std::size_t total = 0;
      for (std::size_t i = 0; i < count; ++i) {
        written_.append(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
        total += pieces[i].iov_len;
      }
      session_->wrote(total, now_);
      reader_.read(take_frames(written_));
    }
  }

  const std::thread::id thread_ = std::this_thread::get_id();
  BufferPool pool_;
  transport::RpcContext context_;
  std::shared_ptr<transport::Http2Session> session_;
  TimePoint now_ = Clock::now();
  std::atomic<bool> woken_{false};
  bool blocked_ = false;
  std::string written_;
  AnswerReader reader_;
};

}  // namespace ocelli::test
