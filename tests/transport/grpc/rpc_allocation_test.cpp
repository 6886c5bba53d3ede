// C16: in the steady state a call costs no heap allocation in our code (nghttp2's own come from malloc and are not
// counted).
#include <gtest/gtest.h>

#include "support/allocation_counter.hpp"
#include "transport/grpc/http2_frames.hpp"
#include "transport/grpc/http2_session.hpp"

namespace ocelli::transport {
namespace {

using namespace ocelli::test;

// Echoes without copying.
class Echo final : public RpcHandler {
 public:
  [[nodiscard]] bool streaming(std::string_view path) const noexcept override { return path.ends_with("Stream"); }
  [[nodiscard]] std::size_t bulk_offset(std::string_view, std::span<const std::byte>) const noexcept override {
    return 10;
  }
  void handle(RpcExchange& exchange) noexcept override {
    exchange.reply().text().append("some text before the bulk, too long for any small-string optimisation");
    exchange.reply().add(exchange.message().bytes, exchange.message().owner);
    exchange.finish({});
  }
};

// Throws away what the session writes.
class Discarding final : public SessionHost {
 public:
  explicit Discarding(RpcHandler& handler) : context_({}, handler, pool_, nullptr, {}) {
    session_ = std::make_shared<Http2Session>(context_, *this, "127.0.0.1:1");
    session_->start(Clock::now());
  }
  [[nodiscard]] bool on_session_thread() const noexcept override { return true; }
  void wake() noexcept override {}
  std::shared_ptr<void> keep_alive() noexcept override { return session_; }

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto part = bytes.substr(0, 65'536);
      session_->receive(std::as_bytes(std::span(part)), Clock::now());
      bytes.remove_prefix(part.size());
      session_->pump();
      written_ += session_->output().bytes();
      session_->wrote(session_->output().bytes(), Clock::now());
    }
  }
  [[nodiscard]] std::size_t written() const noexcept { return written_; }

 private:
  BufferPool pool_;
  RpcContext context_;
  std::shared_ptr<Http2Session> session_;
  std::size_t written_ = 0;
};

// Allocations of 1000 calls with messages of that size after a warm-up, `together` of them in each read.
std::size_t allocations_of_steady_state(std::size_t size, int together) {
  Echo handler;
  Discarding host(handler);
  host.send(
      std::string(kPreface) +
      frame(NGHTTP2_SETTINGS, 0, 0, big_endian(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 2) + big_endian(1 << 30, 4)) +
      frame(NGHTTP2_WINDOW_UPDATE, 0, 0, big_endian(1 << 30, 4)) + frame(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, ""));
  std::vector<std::string> rounds;
  std::uint32_t stream = 1;
  for (int calls = 0; calls < 1'500; calls += together) {
    std::string round;
    for (int i = 0; i < together; ++i, stream += 2) round += unary_call(stream, "Unary", std::string(size, 'x'));
    rounds.push_back(std::move(round));
  }
  const std::size_t warm = rounds.size() / 3;
  for (std::size_t i = 0; i < warm; ++i) host.send(rounds[i]);
  const auto before = allocations.load();
  for (std::size_t i = warm; i < rounds.size(); ++i) host.send(rounds[i]);
  const auto counted_now = allocations.load() - before;
  EXPECT_GT(host.written(), 1'500 * size);
  return counted_now;
}

TEST(RpcAllocations, SmallCalls) { EXPECT_EQ(allocations_of_steady_state(64, 1), 0U); }
TEST(RpcAllocations, SmallCallsTogether) { EXPECT_EQ(allocations_of_steady_state(64, 32), 0U); }
TEST(RpcAllocations, Tensors) { EXPECT_EQ(allocations_of_steady_state(100'000, 1), 0U); }

}  // namespace
}  // namespace ocelli::transport
