// Any bytes after a client's preface: no crash, no leak, no endless loop, and every call that a handler got ends.
// The first byte chooses limits and how the rest is cut into reads.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>

#include "transport/grpc/session_harness.hpp"

namespace {

using namespace ocelli;
using namespace ocelli::transport;

// Answers some calls at once, some when they are cancelled and the others at the end. Streams are echoed.
class FuzzHandler final : public RpcHandler {
 public:
  [[nodiscard]] bool known(std::string_view path) const noexcept override { return !path.ends_with('?'); }
  [[nodiscard]] bool streaming(std::string_view path) const noexcept override {
    return path.find("Stream") != std::string_view::npos;
  }
  [[nodiscard]] std::size_t bulk_offset(std::string_view, std::span<const std::byte> prefix) const noexcept override {
    return prefix.empty() ? 0 : std::to_integer<std::size_t>(prefix.front());
  }
  void handle(RpcExchange& exchange) noexcept override {
    if (exchange.path().find("Hold") != std::string_view::npos || streaming(exchange.path())) {
      auto* call = new Call(*this, exchange);
      calls_.insert(call);
      if (streaming(exchange.path())) exchange.set_stream_listener(call);
      exchange.set_cancel_listener(call);
      return;
    }
    if (exchange.path().ends_with("Fail"))
      return exchange.finish(invalid_argument(std::string(exchange.metadata("x").value_or("no"))));
    exchange.reply().text() = "reply";
    exchange.reply().add(exchange.message().bytes, exchange.message().owner);
    exchange.finish({});
  }
  void finish_all() {
    while (!calls_.empty()) (*calls_.begin())->end();
  }

 private:
  class Call final : public RpcStreamListener, public CancelListener {
   public:
    Call(FuzzHandler& handler, RpcExchange& exchange) : handler_(handler), exchange_(exchange) {}
    void on_message(RpcExchange& exchange, RpcMessage message) noexcept override {
      exchange.reply().add(message.bytes, message.owner);
      exchange.write();
    }
    void on_messages_end(RpcExchange&) noexcept override { end(); }
    void on_client_gone() noexcept override { end(); }
    void end() {
      handler_.calls_.erase(this);
      exchange_.finish({});
      delete this;
    }

   private:
    FuzzHandler& handler_;
    RpcExchange& exchange_;
  };

  std::set<Call*> calls_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const unsigned choice = data[0];
  RpcOptions options;
  options.limits.max_body_bytes = 1 << 20;
  options.max_streams = 8;
  if ((choice & 1) != 0) options.reply_encoding = RpcEncoding::kGzip;
  if ((choice & 2) != 0) options.limits.max_body_bytes = 100;
  options.reply_encoding_minimum = 10;
  FuzzHandler handler;
  {
    test::SessionHarness session(options, handler);
    session.send(std::string(test::kPreface) + test::frame(NGHTTP2_SETTINGS, 0, 0, "") +
                 test::frame(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, ""));
    session.block((choice & 4) != 0);
    constexpr std::size_t kPieces[] = {1, 7, 100, 100'000};
    session.send({reinterpret_cast<const char*>(data + 1), size - 1}, kPieces[choice >> 6]);
    session.advance(std::chrono::seconds(5));
    if ((choice & 8) != 0) handler.finish_all(), session.drain();
    session.block(false);
    session.advance(std::chrono::seconds(100));
    if ((choice & 16) != 0) session.session().lost();
    handler.finish_all();
    if (session.context().budget->taken() != 0 && session.session().done()) session.session().lost();
  }
  return 0;
}
