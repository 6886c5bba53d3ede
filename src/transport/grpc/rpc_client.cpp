#include "transport/grpc/rpc_client.hpp"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <deque>

#include "transport/grpc/output_queue.hpp"
#include "transport/socket_address.hpp"

namespace ocelli::transport {
namespace {

constexpr std::int32_t kWindowBytes = std::int32_t{1} << 30;
constexpr std::uint32_t kFrameBytes = (1U << 24) - 1;
constexpr std::size_t kOutputHighWater = std::size_t{1} << 20;
constexpr std::size_t kScratchBytes = 64 * 1024;
constexpr std::size_t kDirectReadBytes = 16 * 1024;

std::string_view text_of(const std::uint8_t* data, std::size_t size) noexcept { return {reinterpret_cast<const char*>(data), size}; }

int number_in(std::string_view text) noexcept {
  int number = -1;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// The table of gRPC's http-grpc-status-mapping document, for answers that carry no grpc-status.
Status status_of_http(int http) {
  const auto code = http == 401                                                   ? StatusCode::kUnauthenticated
                    : http == 403                                                 ? StatusCode::kPermissionDenied
                    : http == 404                                                 ? StatusCode::kUnimplemented
                    : http == 429 || http == 502 || http == 503 || http == 504 ? StatusCode::kUnavailable
                                                                                  : StatusCode::kInternal;
  return {code, fmt::format("the server answered with HTTP status {} and no gRPC status", http)};
}

// A connected, non-blocking socket.
Result<FileDescriptor> connect_socket(const RpcClientOptions& options) {
  auto resolved = resolve_addresses(options.host);
  if (!resolved.ok()) return resolved.status();
  std::string reason = "no address";
  for (auto& address : resolved->front()) {
    address.set_port(options.port);
    FileDescriptor socket(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    int error = ::connect(socket.get(), address.data(), address.size()) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      pollfd poll{socket.get(), POLLOUT, 0};
      const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(options.connect_timeout).count();
      socklen_t size = sizeof error;
      if (::poll(&poll, 1, static_cast<int>(milliseconds)) <= 0) error = ETIMEDOUT;
      else ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (error == 0) return socket;
    reason = std::strerror(error);
  }
  return unavailable(fmt::format("cannot connect to {}:{}: {}", options.host, options.port, reason));
}

}  // namespace

class RpcClient::Impl {
 public:
  Impl(const RpcClientOptions& options, std::unique_ptr<Stream> stream) : settings_(options), stream_(std::move(stream)), scratch_(kScratchBytes) {
    limits_.limits.max_body_bytes = limits_.limits.max_inflated_bytes = options.max_message_bytes;
    authority_ = fmt::format("{}:{}", options.host, options.port);
    authorization_ = options.api_key.empty() ? "" : "Bearer " + options.api_key;
  }
  ~Impl() {
    break_off("the client was closed");
    output_.clear();
    nghttp2_session_del(http2_);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Status greet();
  void start(RpcCall& call);
  // One round of writing, waiting until then at most, and reading.
  void step(TimePoint until);
  void cancel(RpcCall& call);
  [[nodiscard]] bool broken() const noexcept { return broken_; }
  // Takes it off the list of calls that are done.
  void forget(const RpcCall& call) { std::erase(done_, &call); }
  RpcCall* next_done() {
    if (done_.empty()) return nullptr;
    auto* call = done_.front();
    done_.pop_front();
    return call;
  }
  [[nodiscard]] std::size_t in_flight() const noexcept { return active_.size(); }

 private:
  friend struct RpcClient::Callbacks;

  void submit_headers(RpcCall& call);
  void flush();
  void read();
  void check_deadlines(TimePoint now);
  void break_off(const std::string& reason);
  void end(RpcCall& call, Status status);
  void on_header(RpcCall& call, std::string_view name, std::string_view value);
  void on_data(RpcCall& call, std::span<const std::byte> bytes);
  void on_close(RpcCall& call, std::uint32_t code);
  std::span<std::byte> space() noexcept;

  const RpcClientOptions settings_;
  RpcOptions limits_;
  BufferPool pool_;
  std::unique_ptr<Stream> stream_;
  std::vector<std::byte> scratch_;
  std::string authority_;
  std::string authorization_;
  nghttp2_session* http2_ = nullptr;
  OutgoingPool outgoing_;
  OutputQueue output_{outgoing_};
  std::vector<RpcCall*> active_;
  std::deque<RpcCall*> done_;
  RpcCall* data_call_ = nullptr;  // whose DATA frame is being received
  std::size_t data_left_ = 0;
  bool greeted_ = false;
  bool blocked_ = false;
  bool broken_ = false;
  std::string reason_;
};

// The functions that nghttp2 is given.
struct RpcClient::Callbacks {
  static Impl& impl(void* user_data) noexcept { return *static_cast<Impl*>(user_data); }
  static RpcCall* call_of(nghttp2_session* http2, std::int32_t id) noexcept {
    return static_cast<RpcCall*>(nghttp2_session_get_stream_user_data(http2, id));
  }
  static int on_header(nghttp2_session* http2, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size, const std::uint8_t* value,
                       std::size_t value_size, std::uint8_t, void* user_data) noexcept {
    if (auto* call = call_of(http2, frame->hd.stream_id)) impl(user_data).on_header(*call, text_of(name, name_size), text_of(value, value_size));
    return 0;
  }
  static int on_begin_frame(nghttp2_session* http2, const nghttp2_frame_hd* header, void* user_data) noexcept {
    const bool plain_data = header->type == NGHTTP2_DATA && (header->flags & NGHTTP2_FLAG_PADDED) == 0;
    impl(user_data).data_call_ = plain_data ? call_of(http2, header->stream_id) : nullptr;
    impl(user_data).data_left_ = plain_data ? header->length : 0;
    return 0;
  }
  static int on_frame_received(nghttp2_session*, const nghttp2_frame* frame, void* user_data) noexcept {
    if (frame->hd.type == NGHTTP2_SETTINGS) impl(user_data).greeted_ = true;
    return 0;
  }
  static int on_data_chunk(nghttp2_session* http2, std::uint8_t, std::int32_t id, const std::uint8_t* data, std::size_t size, void* user_data) noexcept {
    impl(user_data).data_left_ -= std::min(impl(user_data).data_left_, size);
    if (auto* call = call_of(http2, id)) impl(user_data).on_data(*call, std::as_bytes(std::span(data, size)));
    return 0;
  }
  static int on_stream_close(nghttp2_session* http2, std::int32_t id, std::uint32_t code, void* user_data) noexcept {
    if (auto* call = call_of(http2, id)) impl(user_data).on_close(*call, code);
    return 0;
  }
  static ssize_t send(nghttp2_session*, const std::uint8_t* data, std::size_t size, int, void* user_data) noexcept {
    auto& output = impl(user_data).output_;
    if (output.bytes() >= kOutputHighWater) return NGHTTP2_ERR_WOULDBLOCK;
    output.copy(std::as_bytes(std::span(data, size)));
    return static_cast<ssize_t>(size);
  }
  static ssize_t next_data(nghttp2_session* http2, std::int32_t id, std::uint8_t*, std::size_t room, std::uint32_t* flags, nghttp2_data_source*,
                           void*) noexcept {
    const auto* call = call_of(http2, id);
    if (!call) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    const std::size_t length = std::min(room, call->message_.wire_bytes() - call->sent_);
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (call->sent_ + length == call->message_.wire_bytes()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(length);
  }
  static int send_data(nghttp2_session* http2, nghttp2_frame* frame, const std::uint8_t* frame_header, std::size_t length, nghttp2_data_source*,
                       void* user_data) noexcept {
    constexpr std::size_t kFrameHeaderBytes = 9;
    auto& output = impl(user_data).output_;
    auto* call = call_of(http2, frame->hd.stream_id);
    if (!call) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (output.bytes() >= kOutputHighWater) return NGHTTP2_ERR_WOULDBLOCK;
    output.copy(std::as_bytes(std::span(frame_header, kFrameHeaderBytes)));
    output.refer_range(call->message_, call->sent_, length);
    call->sent_ += length;
    return 0;
  }
  static ssize_t read_length(nghttp2_session*, std::uint8_t, std::int32_t, std::int32_t session_window, std::int32_t stream_window,
                             std::uint32_t max_frame, void*) noexcept {
    return std::min<ssize_t>({session_window, stream_window, static_cast<ssize_t>(max_frame), static_cast<ssize_t>(kOutputHighWater)});
  }
};

Status RpcClient::Impl::greet() {
  nghttp2_session_callbacks* callbacks = nullptr;
  if (nghttp2_session_callbacks_new(&callbacks) != 0) return internal_error("out of memory");
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::on_header);
  nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, Callbacks::on_begin_frame);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::on_frame_received);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::on_data_chunk);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::on_stream_close);
  nghttp2_session_callbacks_set_send_callback(callbacks, Callbacks::send);
  nghttp2_session_callbacks_set_send_data_callback(callbacks, Callbacks::send_data);
  nghttp2_session_callbacks_set_data_source_read_length_callback(callbacks, Callbacks::read_length);
  const int made = nghttp2_session_client_new(&http2_, callbacks, this);
  nghttp2_session_callbacks_del(callbacks);
  if (made != 0) return internal_error("out of memory");
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
  call.assembler_ = std::make_unique<MessageAssembler>(limits_, pool_, [](std::span<const std::byte>) { return std::size_t{0}; });
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
    const auto bytes = [](std::string_view text) { return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data())); };
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
  nghttp2_data_provider provider{};
  provider.read_callback = Callbacks::next_data;
  call.stream_ = nghttp2_submit_request(http2_, nullptr, list.data(), list.size(), &provider, &call);
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
    if (std::min(direct.size(), data_left_) >= kDirectReadBytes) return direct.first(std::min(direct.size(), data_left_));
  }
  return scratch_;
}

void RpcClient::Impl::read() {
  while (!broken_) {
    const auto into = space();
    const auto result = stream_->read(into);
    if (result.bytes != 0) {
      const auto taken = nghttp2_session_mem_recv(http2_, reinterpret_cast<const std::uint8_t*>(into.data()), result.bytes);
      if (taken < 0) return break_off(nghttp2_strerror(static_cast<int>(taken)));
      if (!nghttp2_session_want_read(http2_) && !nghttp2_session_want_write(http2_)) return break_off("the server closed the connection");
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
    if (message.ok()) call.reply = std::move(*message);
    else call.status = message.status();
  }
}

void RpcClient::Impl::on_close(RpcCall& call, std::uint32_t code) {
  if (!call.status.ok()) return end(call, std::move(call.status));
  if (call.grpc_status_ > 0) return end(call, {status_code_from_grpc(call.grpc_status_), std::move(call.grpc_message_)});
  if (call.grpc_status_ == 0 && call.reply.owner) return end(call, {});
  if (call.http_status_ != 0 && call.http_status_ != 200) return end(call, status_of_http(call.http_status_));
  if (code == NGHTTP2_REFUSED_STREAM) return end(call, unavailable("the server refused the stream"));
  end(call, internal_error(fmt::format("the server ended the call without an answer: {}", nghttp2_http2_strerror(code))));
}

RpcClient::RpcClient(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
RpcClient::~RpcClient() = default;

Result<std::unique_ptr<RpcClient>> RpcClient::connect(const RpcClientOptions& options) {
  auto socket = connect_socket(options);
  if (!socket.ok()) return socket.status();
  auto stream = options.tls ? options.tls->connect(std::move(*socket), options.host) : make_stream(std::move(*socket), nullptr);
  if (!stream) return internal_error("out of memory");
  auto impl = std::make_unique<Impl>(options, std::move(stream));
  if (auto status = impl->greet(); !status.ok()) return status;
  return std::unique_ptr<RpcClient>(new RpcClient(std::move(impl)));
}

void RpcClient::start(RpcCall& call) { impl_->start(call); }

bool RpcClient::wait(RpcCall& call, TimePoint until) {
  while (!call.done_ && Clock::now() < until) impl_->step(until);
  if (call.done_) impl_->forget(call);
  return call.done_;
}

RpcCall* RpcClient::wait_any(TimePoint until) {
  while (true) {
    if (auto* call = impl_->next_done()) return call;
    if (impl_->in_flight() == 0 || Clock::now() >= until) return nullptr;
    impl_->step(until);
  }
}

void RpcClient::cancel(RpcCall& call) { impl_->cancel(call); }

const Status& RpcClient::run(RpcCall& call) {
  start(call);
  wait(call);
  return call.status;
}

std::size_t RpcClient::in_flight() const noexcept { return impl_->in_flight(); }

}  // namespace ocelli::transport
