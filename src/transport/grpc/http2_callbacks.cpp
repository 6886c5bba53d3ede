#include "transport/grpc/http2_callbacks.hpp"

#include "transport/grpc/http2_session.hpp"
#include "transport/grpc/nghttp2_glue.hpp"

namespace ocelli::transport {
namespace {

using http2::bytes_of;
using http2::text_of;

// DATA frames with fewer bytes count as work for nothing, unless they end a stream.
constexpr std::size_t kTinyFrame = 16;
// Streams that a client may reset at once and in a second, for nghttp2: beyond what abort_guard_ lets it.
constexpr std::uint64_t kNghttp2Resets = 1'000'000;

}  // namespace

// The functions that nghttp2 is given; a friend of the session.
struct Http2Callbacks {
  static Http2Session& session_of(void* user_data) noexcept { return *static_cast<Http2Session*>(user_data); }
  static RpcStream* stream_of(nghttp2_session* http2, std::int32_t id) noexcept {
    return static_cast<RpcStream*>(nghttp2_session_get_stream_user_data(http2, id));
  }

  static int on_begin_headers(nghttp2_session* http2, const nghttp2_frame* frame, void* user_data) noexcept {
    session_of(user_data).header_bytes_ = 0;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    auto* stream = session_of(user_data).open_stream(frame->hd.stream_id);
    if (!stream)
      return nghttp2_submit_rst_stream(http2, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_REFUSED_STREAM);
    return nghttp2_session_set_stream_user_data(http2, frame->hd.stream_id, stream);
  }

  static int on_header(nghttp2_session* http2, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t,
                       void* user_data) noexcept {
    if (!session_of(user_data).allow_header(name_size + value_size)) return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    if (auto* stream = stream_of(http2, frame->hd.stream_id)) {
      session_of(user_data).on_header(*stream, text_of(name, name_size), text_of(value, value_size));
    }
    return 0;
  }

  static int on_begin_frame(nghttp2_session* http2, const nghttp2_frame_hd* header, void* user_data) noexcept {
    auto& session = session_of(user_data);
    const bool plain_data = http2::is_plain_data(*header);
    session.data_stream_ = plain_data ? stream_of(http2, header->stream_id) : nullptr;
    session.data_left_ = plain_data ? header->length : 0;
    const bool work = header->type == NGHTTP2_HEADERS ||
                      (header->type == NGHTTP2_DATA &&
                       (header->length >= kTinyFrame || (header->flags & NGHTTP2_FLAG_END_STREAM) != 0));
    return work || session.allow_frame() ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
  }

  static int on_data_chunk(nghttp2_session* http2, std::uint8_t flags, std::int32_t id, const std::uint8_t* data,
                           std::size_t size, void* user_data) noexcept {
    auto& session = session_of(user_data);
    session.data_left_ -= std::min(session.data_left_, size);
    if (auto* stream = stream_of(http2, id))
      session.on_data(*stream, bytes_of(data, size), (flags & NGHTTP2_FLAG_END_STREAM) != 0);
    return 0;
  }

  static int on_frame_received(nghttp2_session* http2, const nghttp2_frame* frame, void* user_data) noexcept {
    auto& session = session_of(user_data);
    session.greeted_ = true;  // the first frame follows the client's magic
    if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0 && session.closing_ &&
        !session.goaway_sent_) {
      session.goaway_sent_ = true;
      return nghttp2_submit_goaway(http2, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(http2),
                                   NGHTTP2_NO_ERROR, nullptr, 0);
    }
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    auto* stream = stream_of(http2, frame->hd.stream_id);
    if (!stream) return 0;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
      session.on_headers_complete(*stream);
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) session.on_half_close(*stream);
    return 0;
  }

  static int on_stream_close(nghttp2_session* http2, std::int32_t id, std::uint32_t code, void* user_data) noexcept {
    if (auto* stream = stream_of(http2, id)) session_of(user_data).on_stream_closed(*stream, code == NGHTTP2_NO_ERROR);
    return 0;
  }

  static int on_frame_sent(nghttp2_session* http2, const nghttp2_frame* frame, void* user_data) noexcept {
    if (frame->hd.type != NGHTTP2_HEADERS || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
    if (auto* stream = stream_of(http2, frame->hd.stream_id)) session_of(user_data).on_reply_sent(*stream);
    return 0;
  }

  static ssize_t send(nghttp2_session*, const std::uint8_t* data, std::size_t size, int, void* user_data) noexcept {
    return http2::put_frames(session_of(user_data).output_, data, size);
  }

  static int send_data(nghttp2_session*, nghttp2_frame*, const std::uint8_t* frame_header, std::size_t length,
                       nghttp2_data_source* source, void* user_data) noexcept {
    auto& session = session_of(user_data);
    if (session.output_.bytes() >= http2::kOutputHighWater) return NGHTTP2_ERR_WOULDBLOCK;
    const bool put = session.put_data(*static_cast<RpcStream*>(source->ptr),
                                      bytes_of(frame_header, http2::kFrameHeaderBytes), length);
    return put ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }
};

nghttp2_session* make_server_session(Http2Session& session) noexcept {
  nghttp2_session_callbacks* raw_callbacks = nullptr;
  nghttp2_option* raw_option = nullptr;
  if (nghttp2_session_callbacks_new(&raw_callbacks) != 0) return nullptr;
  const http2::CallbacksPtr callbacks(raw_callbacks);
  if (nghttp2_option_new(&raw_option) != 0) return nullptr;
  const http2::OptionPtr option(raw_option);

  nghttp2_session_callbacks_set_on_begin_headers_callback(raw_callbacks, Http2Callbacks::on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(raw_callbacks, Http2Callbacks::on_header);
  nghttp2_session_callbacks_set_on_begin_frame_callback(raw_callbacks, Http2Callbacks::on_begin_frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(raw_callbacks, Http2Callbacks::on_data_chunk);
  nghttp2_session_callbacks_set_on_frame_recv_callback(raw_callbacks, Http2Callbacks::on_frame_received);
  nghttp2_session_callbacks_set_on_stream_close_callback(raw_callbacks, Http2Callbacks::on_stream_close);
  nghttp2_session_callbacks_set_on_frame_send_callback(raw_callbacks, Http2Callbacks::on_frame_sent);
  nghttp2_session_callbacks_set_send_callback(raw_callbacks, Http2Callbacks::send);
  nghttp2_session_callbacks_set_send_data_callback(raw_callbacks, Http2Callbacks::send_data);
  nghttp2_session_callbacks_set_data_source_read_length_callback(raw_callbacks, http2::read_length);

  // Closed streams are kept by nghttp2 only for the old priority tree, which gRPC does not use.
  nghttp2_option_set_no_closed_streams(raw_option, 1);
  // Its own limit takes no notice of the calls that were answered meanwhile; abort_guard_ does, and is reached first.
  nghttp2_option_set_stream_reset_rate_limit(raw_option, kNghttp2Resets, kNghttp2Resets);

  nghttp2_session* http2 = nullptr;
  return nghttp2_session_server_new2(&http2, raw_callbacks, &session, raw_option) == 0 ? http2 : nullptr;
}

}  // namespace ocelli::transport
