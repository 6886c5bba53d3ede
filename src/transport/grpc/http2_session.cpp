#include "transport/grpc/http2_session.hpp"

#include <fmt/format.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <utility>

#include "transport/grpc/http2_callbacks.hpp"

namespace ocelli::transport {
namespace {

constexpr std::size_t kIdleStreamsKept = 64;
// How long a client has to answer the first GOAWAY's PING before the second one is sent anyway.
constexpr Duration kGoawayGrace = std::chrono::seconds(1);
// How long a client has to read why its connection is given up.
constexpr Duration kFailureGrace = std::chrono::seconds(1);

// What a client of HTTP/1 (curl, a browser, a probe) can read.
constexpr std::string_view kHttp1Refusal =
    "HTTP/1.1 505 HTTP Version Not Supported\r\n"
    "Content-Type: application/json\r\n"
    "Content-Length: 100\r\n"
    "Connection: close\r\n"
    "\r\n"
    "{\"error\": \"This port speaks gRPC over HTTP/2 only; REST is served on the port given by --rest_port\"}";

Duration milliseconds_of(Duration duration) { return std::chrono::duration_cast<std::chrono::milliseconds>(duration); }

}  // namespace

Http2Session::Http2Session(RpcContext& context, SessionHost& host, std::string remote)
    : context_(context),
      host_(host),
      remote_(std::move(remote)),
      declared_(std::make_shared<ByteBudget>(context.options.max_connection_bytes)) {
  idle_.reserve(kIdleStreamsKept);
}

Http2Session::~Http2Session() {
  if (http2_) nghttp2_session_del(http2_);
  while (open_) {
    const std::unique_ptr<RpcStream> owned(std::exchange(open_, open_->next_));
    drop_queued(*owned);
    uncharge(*owned);
    outgoing_.put(owned->current_);
  }
}

void Http2Session::start(TimePoint now) noexcept {
  now_ = started_ = received_ = written_ = idle_since_ = now;
  http2_ = make_server_session(*this);
  if (!http2_) {
    failed_ = true;
    return;
  }
  const auto& options = context_.options;
  const std::array settings{
      nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options.max_streams},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<std::uint32_t>(options.window_bytes)},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_FRAME_SIZE, options.frame_bytes},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
                             static_cast<std::uint32_t>(options.limits.max_header_bytes)},
  };
  nghttp2_submit_settings(http2_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(http2_, NGHTTP2_FLAG_NONE, 0, options.window_bytes);
  wake_at(now + std::min<Duration>(options.limits.header_timeout, options.limits.idle_timeout));
  if (options.keepalive_interval > Duration::zero()) wake_at(now + options.keepalive_interval);
}

std::span<std::byte> Http2Session::direct_space() const noexcept {
  if (!data_stream_ || data_left_ == 0 || data_stream_->progress_.decided) return {};
  const auto space = data_stream_->assembler_.space();
  return space.first(std::min(space.size(), data_left_));
}

void Http2Session::receive(std::span<const std::byte> bytes, TimePoint now) noexcept {
  if (failed_) return;
  now_ = received_ = now;
  ping_sent_ = kNever;
  ++depth_;
  const auto taken =
      nghttp2_session_mem_recv(http2_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  --depth_;
  if (taken == NGHTTP2_ERR_BAD_CLIENT_MAGIC) return refuse_http1();
  preface_left_ -= std::min(preface_left_, bytes.size());
  if (taken < 0) fail(taken == NGHTTP2_ERR_FLOODED ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR);
}

void Http2Session::refuse_http1() noexcept {
  output_.copy(std::as_bytes(std::span(kHttp1Refusal)));
  failed_ = true;
  wake_at(now_ + kFailureGrace);
}

void Http2Session::drain(TimePoint now) noexcept {
  now_ = now;
  ++depth_;
  take_submitted();
  --depth_;
}

void Http2Session::take_submitted() noexcept {
  OutgoingMessage* oldest = nullptr;
  for (auto* message = submitted_.exchange(nullptr, std::memory_order_acq_rel); message;) {
    auto* older = std::exchange(message->next, oldest);
    oldest = std::exchange(message, older);
  }
  while (oldest) commit(*std::exchange(oldest, std::exchange(oldest->next, nullptr)));
}

void Http2Session::submit(OutgoingMessage& message) noexcept {
  if (host_.on_session_thread() && depth_ != 0) {
    if (submitted_.load(std::memory_order_relaxed)) take_submitted();
    return commit(message);
  }
  auto* head = submitted_.load(std::memory_order_relaxed);
  do message.next = head;
  while (!submitted_.compare_exchange_weak(head, &message, std::memory_order_acq_rel, std::memory_order_relaxed));
  if (!head) host_.wake();
}

void Http2Session::pump() noexcept {
  if (!http2_ || lost_ || preface_left_ != 0) return;
  if (output_.empty()) written_ = now_;
  ++depth_;
  if (nghttp2_session_send(http2_) != 0) failed_ = true;
  --depth_;
}

void Http2Session::wrote(std::size_t count, TimePoint now) noexcept {
  if (count != 0) written_ = now;
  output_.consume(count);
  if (!output_.empty()) wake_at(written_ + context_.options.limits.progress_timeout);
}

bool Http2Session::done() const noexcept {
  if (!output_.empty()) return false;
  return failed_ || (!nghttp2_session_want_read(http2_) && !nghttp2_session_want_write(http2_));
}

void Http2Session::fail(std::uint32_t code) noexcept {
  if (failed_) return;
  failed_ = true;
  preface_left_ = 0;
  wake_at(now_ + kFailureGrace);
  nghttp2_session_terminate_session(http2_, code);
}

void Http2Session::shut_down(TimePoint now) noexcept {
  if (closing_ || failed_ || !http2_) return;
  closing_ = true;
  preface_left_ = 0;
  closing_since_ = now;
  wake_at(now + kGoawayGrace);
  nghttp2_submit_shutdown_notice(http2_);
  nghttp2_submit_ping(http2_, NGHTTP2_FLAG_NONE, nullptr);
}

void Http2Session::lost() noexcept {
  failed_ = lost_ = true;
  data_stream_ = nullptr;
  ++depth_;
  while (open_) on_stream_closed(*open_, false);
  --depth_;
  output_.clear();
}

void Http2Session::recycle_when_done(RpcStream& stream) noexcept {
  const auto& progress = stream.progress_;
  if (progress.open || stream.pins_ != 0 || (progress.handed && !progress.finished)) return;
  const auto keep_alive = std::move(stream.keep_alive_);
  if (progress.handed) --handed_count_;
  if (context_.access_log) record_access(stream);
  if (auto* unused = std::exchange(stream.current_, nullptr)) outgoing_.put(unused);
  uncharge(stream);
  stream.reset();
  std::unique_ptr<RpcStream> owned(&stream);
  if (idle_.size() < kIdleStreamsKept) idle_.push_back(std::move(owned));
}

void Http2Session::record_access(const RpcStream& stream) const noexcept {
  const auto code = stream.progress_.decided ? stream.status_.code() : StatusCode::kCancelled;
  context_.access_log->record({"gRPC",
                               remote_,
                               "POST",
                               stream.path_,
                               grpc_status(code),
                               stream.bytes_in_,
                               stream.bytes_out_,
                               now_ - stream.started_,
                               stream.headers_.find("traceparent").value_or(""),
                               {}});
}

void Http2Session::on_time(TimePoint now) noexcept {
  now_ = now;
  next_time_ = kNever;
  if (failed_) return output_.clear();
  ++depth_;
  for (auto* stream = open_; stream;) {
    auto* next = stream->next_;  // a stream stays open until nghttp2 says otherwise, which it does not do from here
    check_stream_time(*stream, now);
    stream = next;
  }
  check_connection_time(now);
  --depth_;
}

void Http2Session::check_stream_time(RpcStream& stream, TimePoint now) noexcept {
  const auto& limits = context_.options.limits;
  if (std::exchange(stream.progress_.cancel_due, false)) return cancel(stream);
  if (!stream.progress_.decided && stream.deadline_ != kNever) {
    if (now >= stream.deadline_)
      return answer(stream, {StatusCode::kDeadlineExceeded, "the deadline passed before the call was answered"});
    wake_at(stream.deadline_);
  }
  // Between two messages of a stream a client may take its time; within one it may not.
  const bool within_message = stream.progress_.streaming && !stream.assembler_.at_boundary();
  if (!stream.progress_.decided && (!stream.progress_.handed || within_message)) {
    const auto since_start = now - stream.started_;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since_start).count();
    const bool stalled = now - stream.fed_ >= limits.progress_timeout;
    const bool slow = !stream.progress_.streaming && since_start >= limits.progress_timeout &&
                      stream.bytes_in_ < static_cast<std::size_t>(seconds) * limits.min_body_bytes_per_second;
    if (stalled || slow) {
      context_.counters.timeouts.fetch_add(1, std::memory_order_relaxed);
      return answer(stream, {StatusCode::kDeadlineExceeded,
                             fmt::format("the request message did not arrive in time: {} bytes in {} ms",
                                         stream.bytes_in_, milliseconds_of(since_start).count())});
    }
    wake_at(now + limits.progress_timeout);
  }
  if (stream.first_ && output_.empty()) {
    if (now - stream.drained_ >= limits.progress_timeout) {
      context_.counters.timeouts.fetch_add(1, std::memory_order_relaxed);
      abandon(stream, {StatusCode::kDeadlineExceeded, "the client does not read its reply"});
      return cancel(stream);
    }
  }
  if (stream.first_) wake_at(now + limits.progress_timeout);
}

void Http2Session::check_connection_time(TimePoint now) noexcept {
  const auto& options = context_.options;
  const auto due = [&](TimePoint when) {
    if (now >= when) return true;
    wake_at(when);
    return false;
  };
  if (!greeted_ && due(started_ + options.limits.header_timeout)) return fail(NGHTTP2_SETTINGS_TIMEOUT);
  if (!output_.empty() && due(written_ + options.limits.progress_timeout)) {
    context_.counters.timeouts.fetch_add(1, std::memory_order_relaxed);
    failed_ = true;
    return output_.clear();  // the client does not read: there is no use in telling it anything
  }
  if (closing_ && !goaway_sent_ && due(closing_since_ + kGoawayGrace)) {
    goaway_sent_ = true;
    nghttp2_submit_goaway(http2_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(http2_), NGHTTP2_NO_ERROR,
                          nullptr, 0);
  }
  if (open_count_ == 0 && !closing_ && due(idle_since_ + options.limits.idle_timeout)) shut_down(now);
  if (options.keepalive_interval == Duration::zero()) return;
  if (ping_sent_ != kNever) {
    if (due(ping_sent_ + options.keepalive_timeout)) fail(NGHTTP2_NO_ERROR);
  } else if (due(received_ + options.keepalive_interval)) {
    ping_sent_ = now;
    wake_at(now + options.keepalive_timeout);
    nghttp2_submit_ping(http2_, NGHTTP2_FLAG_NONE, nullptr);
  }
}

}  // namespace ocelli::transport
