#include "transport/grpc/rpc_compression.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

#include "transport/grpc/rpc_wire.hpp"

namespace ocelli::transport {
namespace {

constexpr std::size_t kAlignment = 64;
// As much as a handler gets to see when it is asked where the bulk begins.
constexpr std::size_t kHeadBytes = 4096;
// zlib: 15 is the largest window, +16 means the gzip format.
constexpr int kZlibWindow = 15;
constexpr int kGzipWindow = 15 + 16;

int window_of(RpcEncoding encoding) noexcept { return encoding == RpcEncoding::kGzip ? kGzipWindow : kZlibWindow; }
Bytef* zlib_bytes(const std::byte* data) noexcept { return reinterpret_cast<Bytef*>(const_cast<std::byte*>(data)); }
uInt zlib_size(std::size_t size) noexcept {
  return static_cast<uInt>(std::min<std::size_t>(size, std::numeric_limits<uInt>::max()));
}

// An inflater and the buffer that grows under it.
class Inflation {
 public:
  Inflation(RpcEncoding encoding, std::size_t limit, ChargedPool pool) noexcept
      : encoding_(encoding), limit_(limit), pool_(pool) {}
  Inflation(const Inflation&) = delete;
  Inflation& operator=(const Inflation&) = delete;
  ~Inflation() {
    ::inflateEnd(&stream_);
    pool_.drop(capacity_);
  }

  Result<OwnedBytes> run(std::span<const std::byte> bytes, const BulkOffset& bulk_offset) {
    if (::inflateInit2(&stream_, window_of(encoding_)) != Z_OK) return internal_error("zlib could not be started");
    stream_.next_in = zlib_bytes(bytes.data());
    stream_.avail_in = zlib_size(bytes.size());
    reserve(std::max(kHeadBytes, expected_size(bytes)));
    bool ended = false;
    if (auto status = step(kHeadBytes, &ended); !status.ok()) return status;
    align(bulk_offset({buffer_->data(), size_}));
    while (!ended) {
      if (auto status = step(std::numeric_limits<std::size_t>::max(), &ended); !status.ok()) return status;
    }
    if (stream_.avail_in != 0) return broken("bytes follow its end");
    pool_.drop(std::exchange(capacity_, 0) - size_);  // the system commits no memory that nothing was written to
    return OwnedBytes{{buffer_->data() + shift_, size_}, std::move(buffer_)};
  }

 private:
  // Inflates until `until` bytes are there or the compressed stream ends.
  Status step(std::size_t until, bool* ended) {
    while (!*ended && size_ < until) {
      if (shift_ + size_ == capacity_) reserve(capacity_ * 2);
      const std::size_t room = std::min(capacity_ - shift_, until) - size_;
      stream_.next_out = zlib_bytes(buffer_->data() + shift_ + size_);
      stream_.avail_out = zlib_size(room);
      const int code = ::inflate(&stream_, Z_NO_FLUSH);
      size_ += zlib_size(room) - stream_.avail_out;
      if (size_ > limit_) return too_long();
      *ended = code == Z_STREAM_END;
      if (code == Z_BUF_ERROR || (code == Z_OK && stream_.avail_out != 0)) return broken("it is cut off");
      if (code != Z_OK && code != Z_STREAM_END) return broken(stream_.msg ? stream_.msg : "its format is wrong");
    }
    return {};
  }

  // gzip says it in its last four bytes, so that nothing has to be moved to a larger buffer and both be held. They may
  // lie: no more is believed than DEFLATE can reach.
  [[nodiscard]] std::size_t expected_size(std::span<const std::byte> bytes) const noexcept {
    constexpr std::size_t kLargestRatio = 1032;
    std::uint32_t stated = 0;
    if (encoding_ != RpcEncoding::kGzip || bytes.size() < sizeof stated) return bytes.size() * 2;
    for (std::size_t i = 0; i < sizeof stated; ++i)
      stated |= std::to_integer<std::uint32_t>(bytes[bytes.size() - sizeof stated + i]) << (8 * i);
    return std::min<std::size_t>(stated, bytes.size() * kLargestRatio);
  }

  // One byte more than the limit is enough to notice that it is passed; kAlignment more leave room for the shift.
  void reserve(std::size_t size) {
    size = std::min(size, limit_ + 1) + kAlignment;
    auto larger = pool_.get(size);
    if (size_ != 0) std::memcpy(larger->data() + shift_, buffer_->data() + shift_, size_);
    buffer_ = std::move(larger);
    pool_.drop(std::exchange(capacity_, size));
  }

  void align(std::size_t bulk) {
    shift_ = (kAlignment - bulk % kAlignment) % kAlignment;
    std::memmove(buffer_->data() + shift_, buffer_->data(), size_);
  }

  [[nodiscard]] Status broken(std::string_view why) const {
    return invalid_argument(fmt::format("the message is not valid {}: {}", rpc_encoding_name(encoding_), why));
  }
  [[nodiscard]] Status too_long() const {
    return {StatusCode::kResourceExhausted,
            fmt::format("the decompressed message is longer than the limit of {} bytes", limit_)};
  }

  RpcEncoding encoding_;
  std::size_t limit_;
  ChargedPool pool_;
  z_stream stream_{};
  BufferRef buffer_;
  std::size_t capacity_ = 0;  // of buffer_, as it is charged
  std::size_t shift_ = 0;
  std::size_t size_ = 0;
};

}  // namespace

Result<OwnedBytes> inflate_message(RpcEncoding encoding, std::span<const std::byte> bytes, std::size_t limit,
                                   const BulkOffset& bulk_offset, ChargedPool pool) {
  return Inflation(encoding, limit, pool).run(bytes, bulk_offset);
}

Result<OwnedBytes> deflate_message(RpcEncoding encoding, const ReplyBody& body, BufferPool& pool) {
  constexpr int kMemoryLevel = 8;  // zlib's default
  z_stream stream{};
  if (::deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, window_of(encoding), kMemoryLevel, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    return internal_error("zlib could not be started");
  }
  // Reserved for the worst case, so that no step can run out of room.
  auto out = pool.get(::deflateBound(&stream, body.size()));
  stream.next_out = zlib_bytes(out->data());
  stream.avail_out = zlib_size(out->size());
  const auto put = [&stream](std::span<const std::byte> piece, int flush) {
    stream.next_in = zlib_bytes(piece.data());
    stream.avail_in = zlib_size(piece.size());
    return ::deflate(&stream, flush);
  };
  put(std::as_bytes(std::span(body.text())), Z_NO_FLUSH);
  for (const auto& piece : body.pieces()) put(piece.bytes, Z_NO_FLUSH);
  const int code = put({}, Z_FINISH);
  const std::size_t size = stream.total_out;
  ::deflateEnd(&stream);
  if (code != Z_STREAM_END) return internal_error("zlib could not compress the reply");
  return OwnedBytes{{out->data(), size}, std::move(out)};
}

}  // namespace ocelli::transport
