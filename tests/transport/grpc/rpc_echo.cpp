#include "transport/grpc/rpc_echo.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace ocelli::test {
namespace {

using namespace std::chrono_literals;
using transport::RpcExchange;
using transport::RpcMessage;

constexpr std::string_view kPrefix = "/test.Echo/";
constexpr auto kPatience = 20s;

std::string_view text_of(const RpcMessage& message) {
  return {reinterpret_cast<const char*>(message.bytes.data()), message.bytes.size()};
}

std::uint64_t number_in(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

void answer_text(RpcExchange& exchange, std::string_view text) {
  exchange.reply().text() = text;
  exchange.finish({});
}

// The canonical code that has a gRPC number; kInternal when there is none.
StatusCode code_of(std::uint64_t number) {
  for (int code = 0; code <= static_cast<int>(StatusCode::kUnavailable); ++code) {
    if (static_cast<std::uint64_t>(grpc_status(static_cast<StatusCode>(code))) == number)
      return static_cast<StatusCode>(code);
  }
  return StatusCode::kInternal;
}

}  // namespace

// Waits for the client to go away, or for release_held().
class EchoHandler::HeldCall final : public transport::CancelListener {
 public:
  HeldCall(EchoHandler& handler, RpcExchange& exchange) : handler_(handler), exchange_(exchange) {}
  void on_client_gone() noexcept override {
    const std::lock_guard lock(handler_.mutex_);
    const auto found = std::find_if(handler_.held_.begin(), handler_.held_.end(),
                                    [this](const auto& held) { return held.get() == this; });
    if (found == handler_.held_.end()) return;  // release_held() was quicker
    const auto self = std::move(*found);
    handler_.held_.erase(found);
    ++handler_.cancelled_;
    handler_.changed_.notify_all();
    exchange_.finish({StatusCode::kCancelled, "cancelled"});
  }
  [[nodiscard]] RpcExchange& exchange() noexcept { return exchange_; }

 private:
  EchoHandler& handler_;
  RpcExchange& exchange_;
};

// One streaming call; deletes itself.
class EchoHandler::StreamCall final : public transport::RpcStreamListener, public transport::CancelListener {
 public:
  StreamCall(EchoHandler& handler, std::string_view method) : handler_(handler), method_(method) {}

  void on_message(RpcExchange& exchange, RpcMessage message) noexcept override {
    total_ += message.bytes.size();
    if (method_ == "Stream") {
      exchange.reply().add(message.bytes, message.owner);
      exchange.write();
    } else if (method_ == "Count") {
      for (std::uint64_t i = 0, count = number_in(text_of(message)); i < count; ++i) {
        exchange.reply().text() = std::to_string(i);
        exchange.write();
      }
    } else if (method_ == "Keep") {
      kept_.push_back(std::move(message));
    } else if (method_ == "Flood") {
      flood(exchange);
    }
  }
  void on_messages_end(RpcExchange& exchange) noexcept override {
    if (method_ == "Flood") return;
    if (method_ == "Collect") {
      exchange.reply().text() = std::to_string(total_);
      exchange.write();
    }
    exchange.finish({});
    delete this;
  }
  void on_client_gone() noexcept override {
    {
      const std::lock_guard lock(handler_.mutex_);
      ++handler_.cancelled_;
      handler_.changed_.notify_all();
    }
    exchange_->finish({StatusCode::kCancelled, "cancelled"});
    delete this;
  }
  void attach(RpcExchange& exchange) noexcept {
    exchange_ = &exchange;
    exchange.set_stream_listener(this);
    exchange.set_cancel_listener(this);
  }

 private:
  // As much as a call may have waiting, twice over.
  static void flood(RpcExchange& exchange) {
    constexpr std::size_t kPieceBytes = std::size_t{64} << 10;
    constexpr int kPieces = 2048;
    const auto piece = exchange.pool().get(kPieceBytes);
    std::fill_n(piece->data(), kPieceBytes, std::byte{1});
    for (int i = 0; i < kPieces; ++i) {
      exchange.reply().add({piece->data(), kPieceBytes}, piece);
      exchange.write();
    }
  }

  EchoHandler& handler_;
  const std::string method_;
  RpcExchange* exchange_ = nullptr;
  std::size_t total_ = 0;
  std::vector<RpcMessage> kept_;
};

EchoHandler::EchoHandler()
    : methods_{{"Unary", &EchoHandler::unary},       {"Small", &EchoHandler::small},
               {"Later", &EchoHandler::later},       {"Align", &EchoHandler::align},
               {"Metadata", &EchoHandler::metadata}, {"Deadline", &EchoHandler::deadline},
               {"Fail", &EchoHandler::fail},         {"Hold", &EchoHandler::hold},
               {"Held", &EchoHandler::count_held},   {"Stream", &EchoHandler::stream},
               {"Collect", &EchoHandler::stream},    {"Count", &EchoHandler::stream},
               {"Keep", &EchoHandler::stream},       {"Flood", &EchoHandler::stream}},
      worker_([this] { run_later(); }) {}

EchoHandler::~EchoHandler() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  worker_.join();
}

bool EchoHandler::known(std::string_view path) const noexcept {
  return path.starts_with(kPrefix) && methods_.find(path.substr(kPrefix.size())) != methods_.end();
}

bool EchoHandler::streaming(std::string_view path) const noexcept {
  const auto found = methods_.find(path.substr(kPrefix.size()));
  return found != methods_.end() && found->second == &EchoHandler::stream;
}

std::size_t EchoHandler::bulk_offset(std::string_view path, std::span<const std::byte>) const noexcept {
  return path.ends_with("/Align") ? kBulkOffset : 0;
}

void EchoHandler::handle(RpcExchange& exchange) noexcept {
  (this->*methods_.find(exchange.path().substr(kPrefix.size()))->second)(exchange);
}

void EchoHandler::unary(RpcExchange& exchange) {
  exchange.reply().add(exchange.message().bytes, exchange.message().owner);
  exchange.finish({});
}

void EchoHandler::small(RpcExchange& exchange) {
  static constexpr std::array<std::byte, 16> kReply{};
  exchange.reply().add(kReply, {});
  exchange.finish({});
}

void EchoHandler::later(RpcExchange& exchange) {
  const std::lock_guard lock(mutex_);
  later_.push_back(&exchange);
  changed_.notify_all();
}

void EchoHandler::run_later() noexcept {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !later_.empty(); });
    if (later_.empty()) return;
    const auto calls = std::exchange(later_, {});
    lock.unlock();
    for (auto* call : calls) unary(*call);
    lock.lock();
  }
}

void EchoHandler::align(RpcExchange& exchange) {
  const auto address = reinterpret_cast<std::uintptr_t>(exchange.message().bytes.data() + kBulkOffset);
  answer_text(exchange, std::to_string(address % 64));
}

void EchoHandler::metadata(RpcExchange& exchange) {
  answer_text(exchange, exchange.metadata("x-probe").value_or("(none)"));
}

void EchoHandler::deadline(RpcExchange& exchange) {
  if (exchange.deadline() == kNever) return answer_text(exchange, "none");
  answer_text(exchange,
              std::to_string(
                  std::chrono::duration_cast<std::chrono::milliseconds>(exchange.deadline() - Clock::now()).count()));
}

void EchoHandler::fail(RpcExchange& exchange) {
  const Status status(code_of(number_in(exchange.metadata("x-code").value_or("13"))),
                      std::string(text_of(exchange.message())));
  exchange.finish(status);
}

void EchoHandler::hold(RpcExchange& exchange) {
  auto held = std::make_unique<HeldCall>(*this, exchange);
  auto* listener = held.get();
  {
    const std::lock_guard lock(mutex_);
    held_.push_back(std::move(held));
    changed_.notify_all();
  }
  exchange.set_cancel_listener(listener);
}

void EchoHandler::count_held(RpcExchange& exchange) {
  std::size_t count = 0;
  {
    const std::lock_guard lock(mutex_);
    count = held_.size();
  }
  answer_text(exchange, std::to_string(count));
}

void EchoHandler::stream(RpcExchange& exchange) {
  (new StreamCall(*this, exchange.path().substr(kPrefix.size())))->attach(exchange);
}

void EchoHandler::release_held() {
  std::vector<std::unique_ptr<HeldCall>> held;
  {
    const std::lock_guard lock(mutex_);
    held = std::move(held_);
    held_.clear();
  }
  for (const auto& call : held) call->exchange().finish({});
}

bool EchoHandler::wait_for_held(std::size_t count) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, kPatience, [&] { return held_.size() >= count; });
}

bool EchoHandler::wait_for_cancelled(std::size_t count) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, kPatience, [&] { return cancelled_ >= count; });
}

}  // namespace ocelli::test
