// HTTP/2 frames written and read by hand, so that tests can send what no client library would.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ocelli::test {

inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

struct Frame {
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;
  std::string payload;
};

inline std::string big_endian(std::uint64_t value, int bytes) {
  std::string out;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
  return out;
}

inline std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view payload) {
  return big_endian(payload.size(), 3) + static_cast<char>(type) + static_cast<char>(flags) + big_endian(stream, 4) +
         std::string(payload);
}

using HeaderList = std::vector<std::pair<std::string, std::string>>;

// Literals without indexing: names and values up to 126 bytes are enough here, longer ones get a second length byte.
inline std::string header_block(const HeaderList& headers) {
  std::string out;
  const auto put = [&out](const std::string& text) {
    constexpr std::size_t kLimit = 127;
    if (text.size() < kLimit) {
      out += static_cast<char>(text.size());
    } else {
      out += static_cast<char>(kLimit);
      std::size_t rest = text.size() - kLimit;
      for (; rest >= 128; rest /= 128) out += static_cast<char>(rest % 128 + 128);
      out += static_cast<char>(rest);
    }
    out += text;
  };
  for (const auto& [name, value] : headers) {
    out += '\0';
    put(name);
    put(value);
  }
  return out;
}

inline HeaderList call_headers(const std::string& method, const HeaderList& more = {}) {
  HeaderList list{{":method", "POST"},    {":scheme", "http"}, {":path", "/test.Echo/" + method},
                  {":authority", "test"}, {"te", "trailers"},  {"content-type", "application/grpc"}};
  list.insert(list.end(), more.begin(), more.end());
  return list;
}

inline std::string headers_frame(std::uint32_t stream, const HeaderList& headers, bool end = false) {
  return frame(NGHTTP2_HEADERS,
               static_cast<std::uint8_t>(NGHTTP2_FLAG_END_HEADERS | (end ? NGHTTP2_FLAG_END_STREAM : 0)), stream,
               header_block(headers));
}

inline std::string grpc_message(std::string_view message, bool compressed = false) {
  return static_cast<char>(compressed) + big_endian(message.size(), 4) + std::string(message);
}

inline std::string data_frame(std::uint32_t stream, std::string_view payload, bool end = false) {
  return frame(NGHTTP2_DATA, end ? NGHTTP2_FLAG_END_STREAM : 0, stream, payload);
}

inline std::string rst_frame(std::uint32_t stream) {
  return frame(NGHTTP2_RST_STREAM, 0, stream, big_endian(NGHTTP2_CANCEL, 4));
}

// A whole unary call.
inline std::string unary_call(std::uint32_t stream, const std::string& method, std::string_view message,
                              const HeaderList& more = {}) {
  return headers_frame(stream, call_headers(method, more)) + data_frame(stream, grpc_message(message), true);
}

// Takes the whole frames off the front of bytes.
inline std::vector<Frame> take_frames(std::string& bytes) {
  std::vector<Frame> frames;
  std::size_t at = 0;
  while (bytes.size() - at >= 9) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[at + i]); };
    const std::size_t length =
        static_cast<std::size_t>(byte(0)) << 16 | static_cast<std::size_t>(byte(1)) << 8 | byte(2);
    if (bytes.size() - at < 9 + length) break;
    const std::uint32_t stream = static_cast<std::uint32_t>(byte(5)) << 24 | static_cast<std::uint32_t>(byte(6)) << 16 |
                                 static_cast<std::uint32_t>(byte(7)) << 8 | byte(8);
    frames.push_back({byte(3), byte(4), stream, bytes.substr(at + 9, length)});
    at += 9 + length;
  }
  bytes.erase(0, at);
  return frames;
}

// What one stream answered.
struct Answer {
  std::map<std::string, std::string> headers;  // of all header blocks
  std::string data;
  bool ended = false;
  bool reset = false;
};

// Follows a server's frames.
class AnswerReader {
 public:
  AnswerReader() { nghttp2_hd_inflate_new(&inflater_); }
  ~AnswerReader() { nghttp2_hd_inflate_del(inflater_); }
  AnswerReader(const AnswerReader&) = delete;
  AnswerReader& operator=(const AnswerReader&) = delete;

  void read(const std::vector<Frame>& frames) {
    for (const auto& one : frames) {
      auto& answer = answers[one.stream];
      if (one.type == NGHTTP2_HEADERS) read_block(one.payload, answer);
      if (one.type == NGHTTP2_DATA) answer.data += one.payload;
      if (one.type == NGHTTP2_RST_STREAM) answer.reset = true;
      if (one.type == NGHTTP2_GOAWAY) {
        ++goaways;
        goaway_code = static_cast<std::uint8_t>(one.payload[7]);
      }
      if (one.type == NGHTTP2_PING && (one.flags & NGHTTP2_FLAG_ACK) == 0) ++pings;
      if ((one.type == NGHTTP2_HEADERS || one.type == NGHTTP2_DATA) && (one.flags & NGHTTP2_FLAG_END_STREAM) != 0)
        answer.ended = true;
    }
  }

  std::map<std::uint32_t, Answer> answers;
  int goaways = 0;
  int goaway_code = -1;
  int pings = 0;

 private:
  void read_block(const std::string& block, Answer& answer) {
    const auto* in = reinterpret_cast<const std::uint8_t*>(block.data());
    std::size_t left = block.size();
    while (true) {
      nghttp2_nv pair;
      int flags = 0;
      const auto used = nghttp2_hd_inflate_hd2(inflater_, &pair, &flags, in, left, 1);
      if (used < 0) return;
      in += used;
      left -= static_cast<std::size_t>(used);
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
        answer.headers[{reinterpret_cast<char*>(pair.name), pair.namelen}] = {reinterpret_cast<char*>(pair.value),
                                                                              pair.valuelen};
      }
      if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
    }
    nghttp2_hd_inflate_end_headers(inflater_);
  }

  nghttp2_hd_inflater* inflater_ = nullptr;
};

}  // namespace ocelli::test
