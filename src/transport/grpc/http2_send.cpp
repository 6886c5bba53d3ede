// The sending half of Http2Session: from what handlers wrote and finished to frames.
#include <fmt/format.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "transport/grpc/http2_session.hpp"
#include "transport/grpc/rpc_wire.hpp"

namespace ocelli::transport {
namespace {

// A client may answer so many reply bytes with one WINDOW_UPDATE without being taken for a flooder.
constexpr std::size_t kBytesPerFrame = 4096;

constexpr std::uint8_t kStaticText = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;

// flags: kStaticText when both outlive the frame.
nghttp2_nv header(std::string_view name, std::string_view value, std::uint8_t flags = kStaticText) noexcept {
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), flags};
}

// The headers in which a call's status is told; names and texts live here.
class StatusHeaders {
 public:
  explicit StatusHeaders(const Status& status) {
    const auto end = std::to_chars(number_.data(), number_.data() + number_.size(), grpc_status(status.code())).ptr;
    list_[count_++] = header("grpc-status", {number_.data(), static_cast<std::size_t>(end - number_.data())},
                             NGHTTP2_NV_FLAG_NO_COPY_NAME);
    if (status.message().empty()) return;
    message_ = percent_encode(status.message());
    list_[count_++] = header("grpc-message", message_, NGHTTP2_NV_FLAG_NO_COPY_NAME);
  }
  [[nodiscard]] std::span<const nghttp2_nv> list() const noexcept { return {list_.data(), count_}; }

 private:
  std::array<char, 4> number_{};
  std::string message_;
  std::array<nghttp2_nv, 2> list_{};
  std::size_t count_ = 0;
};

}  // namespace

void Http2Session::commit(OutgoingMessage& message) noexcept {
  auto& stream = *message.stream;
  const bool ends = message.ends_call;
  if (ends) {
    stream.progress_.finished = true;
    stream.message_ = {};
    uncharge(stream);
    context_.counters.requests_in_flight.fetch_sub(1, std::memory_order_relaxed);
  }
  const bool wanted = stream.progress_.open && !stream.progress_.decided;
  if (wanted && (ends || !message.status.ok())) {
    stream.progress_.decided = true;
    stream.status_ = std::move(message.status);
  }
  if (wanted && message.has_body && stream.status_.ok()) {
    enqueue(stream, message);
  } else {
    outgoing_.put(&message);
  }
  if (wanted) continue_reply(stream);
  if (ends) recycle_when_done(stream);
}

void Http2Session::enqueue(RpcStream& stream, OutgoingMessage& message) noexcept {
  ++message.references;
  message.next = nullptr;
  if (!stream.first_) stream.drained_ = now_;
  (stream.first_ ? stream.last_->next : stream.first_) = &message;
  stream.last_ = &message;
  stream.waiting_bytes_ += message.wire_bytes();
  wake_at(now_ + context_.options.limits.progress_timeout);
  if (stream.progress_.streaming && stream.waiting_bytes_ > context_.options.max_waiting_reply_bytes) {
    context_.counters.timeouts.fetch_add(1, std::memory_order_relaxed);
    abandon(stream, {StatusCode::kResourceExhausted, "the client does not read its replies"});
    stream.progress_.cancel_due = true;
    wake_at(now_);
  }
}

void Http2Session::drop_queued(RpcStream& stream) noexcept {
  while (stream.first_) outgoing_.unref(std::exchange(stream.first_, stream.first_->next));
  stream.last_ = nullptr;
  stream.sent_ = stream.waiting_bytes_ = 0;
}

void Http2Session::continue_reply(RpcStream& stream) noexcept {
  if (stream.progress_.begun) {
    nghttp2_session_resume_data(http2_, stream.id_);  // fails when data is not held back: then there is nothing to do
  } else if (stream.first_) {
    submit_headers(stream);
  } else if (stream.progress_.decided) {
    submit_trailers_only(stream);
  }
}

void Http2Session::answer(RpcStream& stream, Status status) noexcept {
  if (!stream.progress_.open || stream.progress_.decided) return;
  if (stream.sent_ != 0) {
    abandon(stream, std::move(status));  // a trailer within a message would be taken for a broken server
  } else {
    stream.progress_.decided = true;
    stream.status_ = std::move(status);
    drop_queued(stream);
    continue_reply(stream);
  }
  if (!stream.progress_.handed) {
    stream.message_ = {};
    uncharge(stream);
  }
  cancel(stream);
}

// Status is for the log: the client sees only that the stream is reset.
void Http2Session::abandon(RpcStream& stream, Status status) noexcept {
  stream.progress_.decided = true;
  stream.status_ = std::move(status);
  drop_queued(stream);
  reset_stream(stream, NGHTTP2_CANCEL);
}

void Http2Session::cancel(RpcStream& stream) noexcept {
  ++stream.pins_;
  if (stream.progress_.handed && !stream.progress_.finished) {
    context_.counters.client_gone.fetch_add(1, std::memory_order_relaxed);
    stream.cancel_.fire();
  }
  --stream.pins_;
  recycle_when_done(stream);
}

void Http2Session::reset_stream(RpcStream& stream, std::uint32_t code) noexcept {
  nghttp2_submit_rst_stream(http2_, NGHTTP2_FLAG_NONE, stream.id_, code);
}

void Http2Session::submit_headers(RpcStream& stream) noexcept {
  stream.progress_.begun = true;
  const std::array headers{header(":status", "200"), header("content-type", "application/grpc"),
                           header("grpc-encoding", rpc_encoding_name(stream.reply_encoding_))};
  const std::size_t count = stream.reply_encoding_ == RpcEncoding::kIdentity ? 2 : 3;
  nghttp2_data_provider provider{};
  provider.source.ptr = &stream;
  provider.read_callback = [](nghttp2_session*, std::int32_t, std::uint8_t*, std::size_t room, std::uint32_t* flags,
                              nghttp2_data_source* source, void* user_data) -> ssize_t {
    return static_cast<Http2Session*>(user_data)->next_data(*static_cast<RpcStream*>(source->ptr), room, flags);
  };
  if (nghttp2_submit_response(http2_, stream.id_, headers.data(), count, &provider) != 0)
    reset_stream(stream, NGHTTP2_INTERNAL_ERROR);
}

void Http2Session::submit_trailers_only(RpcStream& stream) noexcept {
  stream.progress_.begun = true;
  const StatusHeaders status(stream.status_);
  std::array<nghttp2_nv, 5> headers{header(":status", "200"), header("content-type", "application/grpc")};
  auto end = std::copy(status.list().begin(), status.list().end(), headers.begin() + 2);
  if (stream.status_.code() == StatusCode::kUnimplemented)
    *end++ = header("grpc-accept-encoding", "identity,gzip,deflate");
  const auto count = static_cast<std::size_t>(end - headers.begin());
  if (nghttp2_submit_response(http2_, stream.id_, headers.data(), count, nullptr) != 0)
    reset_stream(stream, NGHTTP2_INTERNAL_ERROR);
}

void Http2Session::submit_trailers(RpcStream& stream) noexcept {
  if (stream.status_.ok()) {
    const auto ok = header("grpc-status", "0");
    nghttp2_submit_trailer(http2_, stream.id_, &ok, 1);
    return;
  }
  const StatusHeaders status(stream.status_);
  nghttp2_submit_trailer(http2_, stream.id_, status.list().data(), status.list().size());
}

void Http2Session::submit_http_status(RpcStream& stream, int status) noexcept {
  context_.counters.rejected_requests.fetch_add(1, std::memory_order_relaxed);
  stream.progress_.decided = stream.progress_.begun = true;
  const std::string text = std::to_string(status);
  const auto line = header(":status", text, NGHTTP2_NV_FLAG_NO_COPY_NAME);
  if (nghttp2_submit_response(http2_, stream.id_, &line, 1, nullptr) != 0) reset_stream(stream, NGHTTP2_INTERNAL_ERROR);
}

// How much of the call's next message goes into one DATA frame of at most room bytes; the bytes themselves follow in
// put_data().
std::ptrdiff_t Http2Session::next_data(RpcStream& stream, std::size_t room, std::uint32_t* flags) noexcept {
  const auto* message = stream.first_;
  if (!message && !stream.progress_.decided) return NGHTTP2_ERR_DEFERRED;
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  const std::size_t length = message ? std::min(room, message->wire_bytes() - stream.sent_) : 0;
  const bool last = !message || (!message->next && stream.sent_ + length == message->wire_bytes());
  if (last && stream.progress_.decided) {
    *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    submit_trailers(stream);
  }
  return static_cast<std::ptrdiff_t>(length);
}

// False: the call ended otherwise between next_data() and now, so that there is nothing left to fill the frame with.
bool Http2Session::put_data(RpcStream& stream, std::span<const std::byte> frame_header, std::size_t length) {
  if (length != 0 && !stream.first_) return false;
  output_.copy(frame_header);
  stream.drained_ = now_;
  control_guard_.earn(static_cast<std::int64_t>(1 + length / kBytesPerFrame));
  if (!stream.first_) return true;
  auto& message = *stream.first_;
  output_.refer_range(message, stream.sent_, length);
  stream.sent_ += length;
  stream.bytes_out_ += length;
  if (stream.sent_ < message.wire_bytes()) return true;
  stream.waiting_bytes_ -= message.wire_bytes();
  stream.sent_ = 0;
  stream.first_ = message.next;
  if (!stream.first_) stream.last_ = nullptr;
  outgoing_.unref(&message);
  return true;
}

// The reply is complete. A client that is still sending is told that the rest is not wanted (RFC 9113 section 8.1).
void Http2Session::on_reply_sent(RpcStream& stream) noexcept {
  if (!stream.progress_.half_closed) reset_stream(stream, NGHTTP2_NO_ERROR);
}

}  // namespace ocelli::transport
