// What the callbacks of servers and clients of HTTP/2 share: nghttp2's types in ours, and how much it may put out.
#pragma once

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "transport/grpc/output_queue.hpp"

namespace ocelli::transport::http2 {

// nghttp2 is asked for no more output when a session has this many bytes that are not written.
inline constexpr std::size_t kOutputHighWater = std::size_t{1} << 20;
// RFC 9113, 4.1.
inline constexpr std::size_t kFrameHeaderBytes = 9;

// Frees an object of nghttp2 by its own function.
template <typename Type, auto Deleter>
struct Deleting {
  void operator()(Type* object) const noexcept { Deleter(object); }
};
using CallbacksPtr =
    std::unique_ptr<nghttp2_session_callbacks, Deleting<nghttp2_session_callbacks, nghttp2_session_callbacks_del>>;
using OptionPtr = std::unique_ptr<nghttp2_option, Deleting<nghttp2_option, nghttp2_option_del>>;

// The bytes that nghttp2 hands over; valid as long as they are.
inline std::span<const std::byte> bytes_of(const std::uint8_t* data, std::size_t size) noexcept {
  return {reinterpret_cast<const std::byte*>(data), size};
}
// The same as text: a header's name or value.
inline std::string_view text_of(const std::uint8_t* data, std::size_t size) noexcept {
  return {reinterpret_cast<const char*>(data), size};
}

// Whether the payload of the frame that begins is nothing but data, so that it may be read to where it belongs.
inline bool is_plain_data(const nghttp2_frame_hd& header) noexcept {
  return header.type == NGHTTP2_DATA && (header.flags & NGHTTP2_FLAG_PADDED) == 0;
}

// nghttp2's send callback: size bytes of frames go to output, unless that is full.
inline ssize_t put_frames(OutputQueue& output, const std::uint8_t* data, std::size_t size) {
  if (output.bytes() >= kOutputHighWater) return NGHTTP2_ERR_WOULDBLOCK;
  output.copy(bytes_of(data, size));
  return static_cast<ssize_t>(size);
}

// How long a DATA frame may be; by default nghttp2 makes frames of 16 KiB however large they may be.
inline ssize_t read_length(nghttp2_session*, std::uint8_t, std::int32_t, std::int32_t session_window,
                           std::int32_t stream_window, std::uint32_t max_frame, void*) noexcept {
  return std::min<ssize_t>(
      {session_window, stream_window, static_cast<ssize_t>(max_frame), static_cast<ssize_t>(kOutputHighWater)});
}

}  // namespace ocelli::transport::http2
