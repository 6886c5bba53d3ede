// The receiving half of Http2Session: from frames to calls.
#include <fmt/format.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <new>
#include <utility>

#include "transport/api_key.hpp"
#include "transport/grpc/http2_session.hpp"
#include "transport/grpc/rpc_wire.hpp"

namespace ocelli::transport {
namespace {

// Calls that were cancelled but that a handler still works on count until it has finished: at most so many times
// max_streams.
constexpr std::size_t kUnfinishedFactor = 2;
// What honest work is worth in tokens of the flood guard: frames that may go with one call and with one message.
constexpr std::int64_t kFramesPerCall = 16;
constexpr std::int64_t kFramesPerMessage = 4;
// Metadata up to so many times the limit is refused with a status; a client that sends more floods. One byte of a
// header block can stand for four thousand, which are looked through each time.
constexpr std::size_t kHeaderFactor = 4;
constexpr std::size_t kHeaderOverhead = 32;  // RFC 9113, section 6.5.2
constexpr int kMethodNotAllowed = 405;
constexpr int kUnsupportedMediaType = 415;

bool may_call(const RpcOptions& options, std::string_view path, const RpcHeaders& headers) noexcept {
  if (options.api_key.empty() ||
      std::find(options.open_paths.begin(), options.open_paths.end(), path) != options.open_paths.end())
    return true;
  if (const auto key = headers.find("x-api-key")) return is_api_key(*key, options.api_key);
  return is_bearer_of(headers.find("authorization").value_or(""), options.api_key);
}

}  // namespace

RpcStream* Http2Session::open_stream(std::int32_t id) noexcept {
  if (handed_count_ >= kUnfinishedFactor * context_.options.max_streams) return nullptr;
  RpcStream* stream = nullptr;
  if (idle_.empty()) {
    stream = new (std::nothrow) RpcStream(*this);
    if (!stream) return nullptr;
    stream->reset();
  } else {
    stream = idle_.back().release();
    idle_.pop_back();
  }
  stream->id_ = id;
  stream->progress_.open = true;
  stream->current_ = outgoing_.get();
  stream->started_ = stream->received_ = stream->fed_ = now_;
  stream->previous_ = nullptr;
  stream->next_ = std::exchange(open_, stream);
  if (stream->next_) stream->next_->previous_ = stream;
  ++open_count_;
  wake_at(now_ + context_.options.limits.progress_timeout);
  return stream;
}

void Http2Session::on_header(RpcStream& stream, std::string_view name, std::string_view value) {
  const auto& limits = context_.options.limits;
  auto& headers = stream.headers_;
  if (headers.list_bytes() + name.size() + value.size() + kHeaderOverhead > limits.max_header_bytes ||
      headers.count() >= limits.max_headers) {
    stream.progress_.headers_too_large = true;
  } else {
    headers.add(name, value);
  }
}

void Http2Session::on_headers_complete(RpcStream& stream) noexcept {
  stream.path_ = stream.headers_.find(":path").value_or("");
  if (const int status = http_refusal(stream); status != 0) return submit_http_status(stream, status);
  if (auto status = accept_call(stream); !status.ok()) {
    context_.counters.rejected_requests.fetch_add(1, std::memory_order_relaxed);
    return answer(stream, std::move(status));
  }
  if (stream.progress_.streaming) hand_over(stream);
}

// What is not gRPC at all is answered with an HTTP status; 0: it is gRPC.
int Http2Session::http_refusal(const RpcStream& stream) const noexcept {
  if (stream.progress_.headers_too_large) return 0;
  if (stream.headers_.find(":method") != "POST") return kMethodNotAllowed;
  return is_grpc_content_type(stream.headers_.find("content-type").value_or("")) ? 0 : kUnsupportedMediaType;
}

Status Http2Session::accept_call(RpcStream& stream) {
  const auto& options = context_.options;
  const auto& headers = stream.headers_;
  if (stream.progress_.headers_too_large) {
    return {StatusCode::kResourceExhausted,
            fmt::format("the metadata is too large: at most {} bytes in {} entries are accepted",
                        options.limits.max_header_bytes, options.limits.max_headers)};
  }
  if (!may_call(options, stream.path_, headers)) {
    return {StatusCode::kUnauthenticated, "the metadata must bring authorization: Bearer and the server's API key"};
  }
  if (!context_.handler.known(stream.path_))
    return unimplemented(fmt::format("Method is not offered: {}", stream.path_));
  if (const auto text = headers.find("grpc-timeout")) {
    const auto timeout = parse_grpc_timeout(*text);
    if (!timeout)
      return invalid_argument(
          fmt::format("grpc-timeout is \"{}\"; expected 1 to 8 digits and one of H, M, S, m, u, n", *text));
    stream.deadline_ = now_ + *timeout;
    wake_at(stream.deadline_);
  }
  if (const auto name = headers.find("grpc-encoding")) {
    const auto encoding = rpc_encoding_from(*name);
    if (!encoding)
      return unimplemented(fmt::format("grpc-encoding \"{}\" is not supported; identity, gzip and deflate are", *name));
    stream.assembler_.reset(*encoding);
  }
  if (options.reply_encoding != RpcEncoding::kIdentity &&
      accepts_encoding(headers.find("grpc-accept-encoding").value_or(""), options.reply_encoding)) {
    stream.reply_encoding_ = options.reply_encoding;
  }
  stream.progress_.streaming = context_.handler.streaming(stream.path_);
  return {};
}

void Http2Session::on_data(RpcStream& stream, std::span<const std::byte> bytes, bool last_frame) noexcept {
  stream.fed_ = now_;
  stream.bytes_in_ += bytes.size();
  while (!bytes.empty() && !stream.progress_.decided) {
    if (!stream.progress_.streaming && (stream.progress_.handed || stream.message_.owner)) {
      return answer(stream,
                    invalid_argument("a call of this method has one request message; more bytes came after it"));
    }
    const auto before = stream.assembler_.inflated();
    const auto fed = stream.assembler_.feed(bytes);
    inflated_ += stream.assembler_.inflated() - before;
    if (!fed.ok()) return answer(stream, fed.status());
    bytes = bytes.subspan(*fed);
    if (!charge(stream, *fed, stream.assembler_.declared())) return;
    if (stream.assembler_.complete()) on_message(stream, last_frame && bytes.empty());
  }
  if (!stream.assembler_.at_boundary()) wake_at(now_ + context_.options.limits.progress_timeout);
}

// Counts bytes that came for a message of that length; false: the call was refused for it.
bool Http2Session::charge(RpcStream& stream, std::size_t arrived, std::size_t length) noexcept {
  if (length > stream.declared_.bytes() && !stream.declared_.add(length - stream.declared_.bytes())) {
    const std::size_t needed = declared_->taken() + length - stream.declared_.bytes();
    answer(stream, {StatusCode::kResourceExhausted,
                    fmt::format("the requests of this connection need {} bytes; at most {} are accepted at a time: "
                                "wait for answers, or use several connections",
                                needed, context_.options.max_connection_bytes)});
  } else if (!stream.arrived_.add(arrived)) {
    answer(stream, stream.arrived_.refusal());
  }
  return !stream.progress_.decided;
}

// Nothing more of the call is received. The assembler goes first: it gives back what it charged itself.
void Http2Session::uncharge(RpcStream& stream) noexcept {
  stream.assembler_.reset(RpcEncoding::kIdentity);
  stream.declared_.clear();
  stream.arrived_.clear();
}

// ends: nothing follows the message, and on_half_close() is about to say so.
void Http2Session::on_message(RpcStream& stream, bool ends) noexcept {
  control_guard_.earn(kFramesPerMessage);
  auto message = stream.assembler_.take();
  if (!message.ok()) return answer(stream, message.status());
  if (!charge(stream, 0, message->bytes.size())) return;  // it may have become longer
  if (!stream.progress_.streaming) {
    stream.message_ = {message->bytes, std::move(message->owner)};
    if (!ends) hand_over(stream);  // some clients leave the stream open until they have the answer
    return;
  }
  // The listener's from here on, which may keep it.
  RpcMessage owned{message->bytes, std::move(message->owner), stream.arrived_.hand_over(),
                   stream.declared_.hand_over()};
  if (!stream.listener_ || !stream.gate_.enter()) return;
  ++stream.pins_;
  stream.listener_->on_message(stream, std::move(owned));
  stream.gate_.leave();
  --stream.pins_;
  recycle_when_done(stream);
}

void Http2Session::on_half_close(RpcStream& stream) noexcept {
  stream.progress_.half_closed = true;
  if (stream.progress_.decided) return;
  if (!stream.assembler_.at_boundary())
    return answer(stream, invalid_argument("the call ended within a request message"));
  if (!stream.progress_.streaming) {
    if (stream.progress_.handed) return;
    if (!stream.message_.owner) return answer(stream, invalid_argument("the call ended without a request message"));
    return hand_over(stream);
  }
  if (!stream.listener_ || !stream.gate_.enter()) return;
  ++stream.pins_;
  stream.listener_->on_messages_end(stream);
  stream.gate_.leave();
  --stream.pins_;
  recycle_when_done(stream);
}

void Http2Session::hand_over(RpcStream& stream) noexcept {
  stream.progress_.handed = true;
  stream.keep_alive_ = host_.keep_alive();
  stream.received_ = now_;
  ++handed_count_;
  context_.counters.requests.fetch_add(1, std::memory_order_relaxed);
  context_.counters.requests_in_flight.fetch_add(1, std::memory_order_relaxed);
  ++stream.pins_;
  context_.handler.handle(stream);
  --stream.pins_;
  recycle_when_done(stream);
}

void Http2Session::on_stream_closed(RpcStream& stream, bool in_order) noexcept {
  stream.progress_.open = false;
  if (data_stream_ == &stream) data_stream_ = nullptr;
  (stream.previous_ ? stream.previous_->next_ : open_) = stream.next_;
  if (stream.next_) stream.next_->previous_ = stream.previous_;
  if (--open_count_ == 0) {
    idle_since_ = now_;
    wake_at(now_ + context_.options.limits.idle_timeout);
  }
  drop_queued(stream);
  if (in_order) {
    control_guard_.earn(kFramesPerCall);
    abort_guard_.earn(1);
  } else if (!abort_guard_.spend(now_)) {
    fail(NGHTTP2_ENHANCE_YOUR_CALM);
  }
  cancel(stream);
}

// Of request headers, trailers and headers that are ignored alike.
bool Http2Session::allow_header(std::size_t bytes) noexcept {
  header_bytes_ += bytes + kHeaderOverhead;
  if (header_bytes_ <= kHeaderFactor * context_.options.limits.max_header_bytes) return true;
  fail(NGHTTP2_ENHANCE_YOUR_CALM);
  return false;
}

bool Http2Session::allow_frame() noexcept {
  if (control_guard_.spend(now_)) return true;
  fail(NGHTTP2_ENHANCE_YOUR_CALM);
  return false;
}

}  // namespace ocelli::transport
