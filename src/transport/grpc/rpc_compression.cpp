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
// Most messages that are worth compressing and not long fit; from a pool, since pages of their own cost more.
constexpr std::size_t kFirstBytes = std::size_t{64} * 1024;
// At most so much is there before it is charged.
constexpr std::size_t kStepBytes = std::size_t{256} * 1024;
// zlib: 15 is the largest window, +16 means the gzip format.
constexpr int kZlibWindow = 15;
constexpr int kGzipWindow = 15 + 16;

int window_of(RpcEncoding encoding) noexcept { return encoding == RpcEncoding::kGzip ? kGzipWindow : kZlibWindow; }
Bytef* zlib_bytes(const std::byte* data) noexcept { return reinterpret_cast<Bytef*>(const_cast<std::byte*>(data)); }
uInt zlib_size(std::size_t size) noexcept {
  return static_cast<uInt>(std::min<std::size_t>(size, std::numeric_limits<uInt>::max()));
}

}  // namespace

struct MessageInflater::Zlib {
  explicit Zlib(int window) noexcept : ready(::inflateInit2(&stream, window) == Z_OK) {}
  ~Zlib() {
    if (ready) ::inflateEnd(&stream);
  }
  Zlib(const Zlib&) = delete;
  Zlib& operator=(const Zlib&) = delete;
  z_stream stream{};
  const bool ready;
};

MessageInflater::MessageInflater(RpcEncoding encoding, std::size_t limit, BufferPool& pool, ByteCharge* charge) noexcept
    : encoding_(encoding), limit_(limit), pool_(pool), charge_(charge) {}

MessageInflater::~MessageInflater() {
  if (charge_) charge_->give_back(charged_);
}

Status MessageInflater::feed(std::span<const std::byte> bytes, const BulkOffset& bulk_offset) {
  if (auto status = begin(); !status.ok()) return status;
  auto& stream = zlib_->stream;
  while (!bytes.empty()) {
    const auto part = bytes.first(zlib_size(bytes.size()));
    bytes = bytes.subspan(part.size());
    stream.next_in = zlib_bytes(part.data());
    stream.avail_in = static_cast<uInt>(part.size());
    do {  // once more without input where output had no room
      if (ended_) return broken("bytes follow its end");
      if (auto status = step(); !status.ok()) return status;
      if (!aligned_ && size_ == kHeadBytes) align(bulk_offset);
    } while (stream.avail_in != 0 || (stream.avail_out == 0 && !ended_));
  }
  return {};
}

Result<OwnedBytes> MessageInflater::finish(const BulkOffset& bulk_offset) {
  if (!ended_) return broken("it is cut off");
  if (!aligned_) align(bulk_offset);
  const std::span<const std::byte> bytes{data() + shift_, size_};
  auto owner = first_ ? std::move(first_) : block_.take();
  charged_ = 0;
  return OwnedBytes{bytes, std::move(owner)};
}

Status MessageInflater::begin() {
  if (zlib_) return {};
  auto zlib = std::make_unique<Zlib>(window_of(encoding_));
  if (!zlib->ready) return {StatusCode::kResourceExhausted, "no memory to decompress the request message"};
  zlib_ = std::move(zlib);
  return {};
}

// As much as comes out at once.
Status MessageInflater::step() {
  make_room();
  auto& stream = zlib_->stream;
  const std::size_t room = aligned_ ? std::min(capacity() - shift_ - size_, kStepBytes) : kHeadBytes - size_;
  stream.next_out = zlib_bytes(data() + shift_ + size_);
  stream.avail_out = static_cast<uInt>(room);
  const int code = ::inflate(&stream, Z_NO_FLUSH);
  const std::size_t came = room - stream.avail_out;
  size_ += came;
  if (size_ > limit_) {
    return {StatusCode::kResourceExhausted,
            fmt::format("the decompressed message is longer than the limit of {} bytes", limit_)};
  }
  if (charge_ && !charge_->add(came)) return charge_->refusal();
  charged_ += came;
  ended_ = code == Z_STREAM_END;
  // Z_BUF_ERROR: nothing was left to do, the rest has not come yet.
  if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
    return broken(stream.msg ? stream.msg : "its format is wrong");
  return {};
}

// One byte more than the limit is enough to notice that it is passed; kAlignment more leave room for the shift.
void MessageInflater::make_room() {
  if (capacity() == 0) first_ = pool_.get(kFirstBytes);
  if (shift_ + size_ < capacity()) return;
  block_.reserve(std::min(capacity() * 2, limit_ + 1 + kAlignment));
  if (!first_) return;
  std::memcpy(block_.data() + shift_, first_->data() + shift_, size_);
  first_.reset();
}

void MessageInflater::align(const BulkOffset& bulk_offset) {
  const std::size_t bulk = bulk_offset({data(), size_});
  shift_ = (kAlignment - bulk % kAlignment) % kAlignment;
  std::memmove(data() + shift_, data(), size_);
  aligned_ = true;
}

Status MessageInflater::broken(std::string_view why) const {
  return invalid_argument(fmt::format("the message is not valid {}: {}", rpc_encoding_name(encoding_), why));
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
