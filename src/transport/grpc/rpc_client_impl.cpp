#include "transport/grpc/rpc_client_impl.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <array>
#include <charconv>

namespace ocelli::transport {
namespace {

// As large as the server's: see RpcOptions.
constexpr std::int32_t kWindowBytes = std::int32_t{1} << 30;
constexpr std::uint32_t kFrameBytes = (1U << 24) - 1;
constexpr std::size_t kScratchBytes = std::size_t{64} * 1024;
constexpr std::size_t kDirectReadBytes = std::size_t{16} * 1024;

int number_in(std::string_view text) noexcept {
  int number = -1;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// The table of gRPC's http-grpc-status-mapping document, for answers that carry no grpc-status.
Status status_of_http(int http) {
  const auto code = http == 401                                                ? StatusCode::kUnauthenticated
                    : http == 403                                              ? StatusCode::kPermissionDenied
                    : http == 404                                              ? StatusCode::kUnimplemented
                    : http == 429 || http == 502 || http == 503 || http == 504 ? StatusCode::kUnavailable
                                                                               : StatusCode::kInternal;
  return {code, fmt::format("the server answered with HTTP status {} and no gRPC status", http)};
}

}  // namespace

RpcClient::Impl::Impl(const RpcClientOptions& options, std::unique_ptr<Stream> stream)
    : settings_(options), stream_(std::move(stream)), scratch_(kScratchBytes) {
  limits_.limits.max_body_bytes = options.max_message_bytes;
  authority_ = fmt::format("{}:{}", options.host, options.port);
  authorization_ = options.api_key.empty() ? "" : "Bearer " + options.api_key;
}

RpcClient::Impl::~Impl() {
  break_off("the client was closed");
  output_.clear();
  nghttp2_session_del(http2_);
}

Status RpcClient::Impl::greet() {
  if (!make_session()) return internal_error("out of memory");
  const std::array settings{nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
                            nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindowBytes},
                            nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_FRAME_SIZE, kFrameBytes}};
  nghttp2_submit_settings(http2_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(http2_, NGHTTP2_FLAG_NONE, 0, kWindowBytes);
  const auto until = Clock::now() + settings_.connect_timeout;
  while (!greeted_ && !broken_ && Clock::now() < until) step(until);
  if (broken_) return unavailable(reason_);
  if (!greeted_) return unavailable(fmt::format("{} did not answer as an HTTP/2 server", authority_));
  return {};
}

void RpcClient::Impl::start(RpcCall& call) {
  call.done_ = false;
  call.status = Status();
  call.reply = {};
  call.sent_ = 0;
  call.http_status_ = 0;
  call.grpc_status_ = -1;
  call.grpc_message_.clear();
  call.reply_encoding_ = RpcEncoding::kIdentity;
  call.started_ = Clock::now();
  call.deadline_ = call.timeout == Duration::zero() ? kNever : call.started_ + call.timeout;
  call.assembler_ = std::make_unique<MessageAssembler>(
      limits_, pool_, [](std::span<const std::byte>) { return std::size_t{0}; }, nullptr);
  active_.push_back(&call);
  if (broken_) return end(call, unavailable(reason_));

  auto& message = call.message_;
  message.references = 1;  // the call itself
  message.encoded = {};
  message.compressed = call.encoding != RpcEncoding::kIdentity;
  if (message.compressed) {
    auto encoded = deflate_message(call.encoding, message.body, pool_);
    if (!encoded.ok()) return end(call, encoded.status());
    message.encoded = std::move(*encoded);
  }
  message.prefix = make_message_prefix(message.compressed, static_cast<std::uint32_t>(message.body_bytes()));
  submit_headers(call);
  flush();
}

void RpcClient::Impl::submit_headers(RpcCall& call) {
  std::vector<nghttp2_nv> list;
  const auto add = [&list](std::string_view name, std::string_view value) {
    const auto bytes = [](std::string_view text) {
      return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
    };
    list.push_back({bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  };
  add(":method", "POST");
  add(":scheme", settings_.tls ? "https" : "http");
  add(":path", call.path);
  add(":authority", authority_);
  add("te", "trailers");
  add("content-type", "application/grpc");
  add("user-agent", "ocelli");
  add("grpc-accept-encoding", "identity,gzip,deflate");
  if (call.encoding != RpcEncoding::kIdentity) add("grpc-encoding", rpc_encoding_name(call.encoding));
  const std::string timeout = call.timeout == Duration::zero() ? "" : format_grpc_timeout(call.timeout);
  if (!timeout.empty()) add("grpc-timeout", timeout);
  if (!authorization_.empty()) add("authorization", authorization_);
  for (const auto& [name, value] : call.metadata) add(name, value);
  call.stream_ = submit_request(list, call);
  if (call.stream_ < 0) end(call, unavailable(nghttp2_strerror(call.stream_)));
}

void RpcClient::Impl::flush() {
  while (!broken_ && !blocked_) {
    if (nghttp2_session_send(http2_) != 0) return break_off("the connection failed while it was written");
    if (output_.empty()) return;
    std::array<iovec, Stream::kMaxPieces> pieces;
    const auto result = stream_->write({pieces.data(), output_.gather(pieces)});
    output_.consume(result.bytes);
    if (result.state == StreamState::kFailed) return break_off("the connection failed while it was written");
    blocked_ = result.state == StreamState::kDrained && !output_.empty();
  }
}

void RpcClient::Impl::step(TimePoint until) {
  flush();
  if (broken_) return;
  for (const auto* call : active_) until = std::min(until, call->deadline_);
  int milliseconds = -1;
  if (until != kNever) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    milliseconds = static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
  }
  pollfd poll{stream_->descriptor(), static_cast<short>(POLLIN | (blocked_ ? POLLOUT : 0)), 0};
  if (::poll(&poll, 1, milliseconds) > 0) {
    blocked_ = false;
    if ((poll.revents & ~POLLOUT) != 0) read();
  }
  flush();
  check_deadlines(Clock::now());
}

std::span<std::byte> RpcClient::Impl::space() noexcept {
  if (data_call_ && data_left_ != 0) {
    const auto direct = data_call_->assembler_->space();
    if (std::min(direct.size(), data_left_) >= kDirectReadBytes)
      return direct.first(std::min(direct.size(), data_left_));
  }
  return scratch_;
}

void RpcClient::Impl::read() {
  while (!broken_) {
    const auto into = space();
    const auto result = stream_->read(into);
    if (result.bytes != 0) {
      const auto taken =
          nghttp2_session_mem_recv(http2_, reinterpret_cast<const std::uint8_t*>(into.data()), result.bytes);
      if (taken < 0) return break_off(nghttp2_strerror(static_cast<int>(taken)));
      if (!nghttp2_session_want_read(http2_) && !nghttp2_session_want_write(http2_))
        return break_off("the server closed the connection");
    }
    if (result.state == StreamState::kDrained) return;
    if (result.state == StreamState::kEnd) return break_off("the server closed the connection");
    if (result.state == StreamState::kFailed) return break_off("the connection failed");
  }
}

void RpcClient::Impl::check_deadlines(TimePoint now) {
  for (std::size_t i = active_.size(); i-- > 0;) {
    auto& call = *active_[i];
    if (now < call.deadline_) continue;
    nghttp2_submit_rst_stream(http2_, NGHTTP2_FLAG_NONE, call.stream_, NGHTTP2_CANCEL);
    nghttp2_session_set_stream_user_data(http2_, call.stream_, nullptr);
    end(call, {StatusCode::kDeadlineExceeded, "the deadline passed before the server answered"});
  }
}

void RpcClient::Impl::cancel(RpcCall& call) {
  if (call.done_) return;
  nghttp2_submit_rst_stream(http2_, NGHTTP2_FLAG_NONE, call.stream_, NGHTTP2_CANCEL);
  nghttp2_session_set_stream_user_data(http2_, call.stream_, nullptr);
  end(call, {StatusCode::kCancelled, "cancelled by the client"});
  flush();
}

void RpcClient::Impl::break_off(const std::string& reason) {
  broken_ = true;
  reason_ = reason;
  while (!active_.empty()) end(*active_.back(), unavailable(reason));
}

void RpcClient::Impl::end(RpcCall& call, Status status) {
  std::erase(active_, &call);
  if (data_call_ == &call) data_call_ = nullptr;
  if (call.message_.references > 1) output_.detach(call.message_);
  call.status = std::move(status);
  if (!call.status.ok()) call.reply = {};
  call.assembler_.reset();
  call.ended_ = Clock::now();
  call.done_ = true;
  done_.push_back(&call);
}

void RpcClient::Impl::on_header(RpcCall& call, std::string_view name, std::string_view value) {
  if (name == ":status") call.http_status_ = number_in(value);
  if (name == "grpc-status") call.grpc_status_ = number_in(value);
  if (name == "grpc-message") call.grpc_message_ = percent_decode(value);
  if (name == "grpc-encoding") {
    call.reply_encoding_ = rpc_encoding_from(value).value_or(RpcEncoding::kIdentity);
    call.assembler_->reset(call.reply_encoding_);
  }
}

void RpcClient::Impl::on_data(RpcCall& call, std::span<const std::byte> bytes) {
  while (!bytes.empty() && call.status.ok()) {
    const auto fed = call.assembler_->feed(bytes);
    if (!fed.ok()) {
      call.status = fed.status();
      break;
    }
    bytes = bytes.subspan(*fed);
    if (!call.assembler_->complete()) continue;
    auto message = call.assembler_->take();
    if (message.ok())
      call.reply = std::move(*message);
    else
      call.status = message.status();
  }
}

void RpcClient::Impl::on_close(RpcCall& call, std::uint32_t code) {
  if (!call.status.ok()) return end(call, std::move(call.status));
  if (call.grpc_status_ > 0)
    return end(call, {status_code_from_grpc(call.grpc_status_), std::move(call.grpc_message_)});
  if (call.grpc_status_ == 0 && call.reply.owner) return end(call, {});
  if (call.http_status_ != 0 && call.http_status_ != 200) return end(call, status_of_http(call.http_status_));
  if (code == NGHTTP2_REFUSED_STREAM) return end(call, unavailable("the server refused the stream"));
  end(call,
      internal_error(fmt::format("the server ended the call without an answer: {}", nghttp2_http2_strerror(code))));
}

}  // namespace ocelli::transport
