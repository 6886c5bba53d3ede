#include "transport/http/reply_coding.hpp"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>

namespace ocelli::transport {
namespace {

// Fastest level: replies are numbers as text, which gain little from more search.
constexpr int kLevel = 1;
constexpr int kMemoryLevel = 8;  // zlib's default
constexpr int kZlibFormat = 15;
constexpr int kGzipFormat = 15 + 16;

// Feeds one piece; the output always has room (deflateBound).
bool add(z_stream& stream, std::span<const std::byte> bytes, int flush) noexcept {
  constexpr std::size_t kMost = std::numeric_limits<uInt>::max();
  do {
    const std::size_t part = std::min(bytes.size(), kMost);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(part);
    bytes = bytes.subspan(part);
    const int outcome = deflate(&stream, bytes.empty() ? flush : Z_NO_FLUSH);
    if (outcome != (bytes.empty() && flush == Z_FINISH ? Z_STREAM_END : Z_OK) && outcome != Z_BUF_ERROR) return false;
  } while (!bytes.empty());
  return true;
}

}  // namespace

bool compress_body(ReplyBody& body, ContentCoding coding, BufferPool& pool) noexcept {
  z_stream stream{};
  const int format = coding == ContentCoding::kGzip ? kGzipFormat : kZlibFormat;
  if (deflateInit2(&stream, kLevel, Z_DEFLATED, format, kMemoryLevel, Z_DEFAULT_STRATEGY) != Z_OK) return false;
  bool done = false;
  try {
    const std::size_t bound = deflateBound(&stream, body.size()) + 64;
    auto output = pool.get(bound);
    if (bound <= std::numeric_limits<uInt>::max()) {
      stream.next_out = reinterpret_cast<Bytef*>(output->data());
      stream.avail_out = static_cast<uInt>(bound);
      done = add(stream, std::as_bytes(std::span(body.text())), Z_NO_FLUSH);
      for (const auto& piece : body.pieces()) done = done && add(stream, piece.bytes, Z_NO_FLUSH);
      done = done && add(stream, {}, Z_FINISH);
    }
    if (done) {
      body.clear();
      body.add({output->data(), stream.total_out}, output);
    }
  } catch (const std::bad_alloc&) {
    done = false;
  }
  deflateEnd(&stream);
  return done;
}

}  // namespace ocelli::transport
