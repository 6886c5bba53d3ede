// How nghttp2 calls a RpcClient.
#include <algorithm>

#include "transport/grpc/nghttp2_glue.hpp"
#include "transport/grpc/rpc_client_impl.hpp"

namespace ocelli::transport {

using http2::bytes_of;
using http2::text_of;

// The functions that nghttp2 is given.
struct RpcClient::Callbacks {
  static Impl& impl(void* user_data) noexcept { return *static_cast<Impl*>(user_data); }
  static RpcCall* call_of(nghttp2_session* http2, std::int32_t id) noexcept {
    return static_cast<RpcCall*>(nghttp2_session_get_stream_user_data(http2, id));
  }
  static int on_header(nghttp2_session* http2, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t,
                       void* user_data) noexcept {
    if (auto* call = call_of(http2, frame->hd.stream_id))
      impl(user_data).on_header(*call, text_of(name, name_size), text_of(value, value_size));
    return 0;
  }
  static int on_begin_frame(nghttp2_session* http2, const nghttp2_frame_hd* header, void* user_data) noexcept {
    const bool plain_data = http2::is_plain_data(*header);
    impl(user_data).data_call_ = plain_data ? call_of(http2, header->stream_id) : nullptr;
    impl(user_data).data_left_ = plain_data ? header->length : 0;
    return 0;
  }
  static int on_frame_received(nghttp2_session*, const nghttp2_frame* frame, void* user_data) noexcept {
    if (frame->hd.type == NGHTTP2_SETTINGS) impl(user_data).greeted_ = true;
    return 0;
  }
  static int on_data_chunk(nghttp2_session* http2, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                           std::size_t size, void* user_data) noexcept {
    impl(user_data).data_left_ -= std::min(impl(user_data).data_left_, size);
    if (auto* call = call_of(http2, id)) impl(user_data).on_data(*call, bytes_of(data, size));
    return 0;
  }
  static int on_stream_close(nghttp2_session* http2, std::int32_t id, std::uint32_t code, void* user_data) noexcept {
    if (auto* call = call_of(http2, id)) impl(user_data).on_close(*call, code);
    return 0;
  }
  static ssize_t send(nghttp2_session*, const std::uint8_t* data, std::size_t size, int, void* user_data) noexcept {
    return http2::put_frames(impl(user_data).output_, data, size);
  }
  static ssize_t next_data(nghttp2_session* http2, std::int32_t id, std::uint8_t*, std::size_t room,
                           std::uint32_t* flags, nghttp2_data_source*, void*) noexcept {
    const auto* call = call_of(http2, id);
    if (!call) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    const std::size_t length = std::min(room, call->message_.wire_bytes() - call->sent_);
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (call->sent_ + length == call->message_.wire_bytes()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(length);
  }
  static int send_data(nghttp2_session* http2, nghttp2_frame* frame, const std::uint8_t* frame_header,
                       std::size_t length, nghttp2_data_source*, void* user_data) noexcept {
    auto& output = impl(user_data).output_;
    auto* call = call_of(http2, frame->hd.stream_id);
    if (!call) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (output.bytes() >= http2::kOutputHighWater) return NGHTTP2_ERR_WOULDBLOCK;
    output.copy(bytes_of(frame_header, http2::kFrameHeaderBytes));
    output.refer_range(call->message_, call->sent_, length);
    call->sent_ += length;
    return 0;
  }
};

bool RpcClient::Impl::make_session() {
  nghttp2_session_callbacks* callbacks = nullptr;
  if (nghttp2_session_callbacks_new(&callbacks) != 0) return false;
  const http2::CallbacksPtr owner(callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::on_header);
  nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, Callbacks::on_begin_frame);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::on_frame_received);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::on_data_chunk);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::on_stream_close);
  nghttp2_session_callbacks_set_send_callback(callbacks, Callbacks::send);
  nghttp2_session_callbacks_set_send_data_callback(callbacks, Callbacks::send_data);
  nghttp2_session_callbacks_set_data_source_read_length_callback(callbacks, http2::read_length);
  return nghttp2_session_client_new(&http2_, callbacks, this) == 0;
}

std::int32_t RpcClient::Impl::submit_request(std::span<const nghttp2_nv> headers, RpcCall& call) {
  nghttp2_data_provider provider{};
  provider.read_callback = Callbacks::next_data;
  return nghttp2_submit_request(http2_, nullptr, headers.data(), headers.size(), &provider, &call);
}

}  // namespace ocelli::transport
