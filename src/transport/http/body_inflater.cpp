#include "transport/http/body_inflater.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

#include "transport/http/body_receiver.hpp"

namespace ocelli::transport {
namespace {

// zlib's window sizes: 15 bits, +16 chooses gzip, negative raw deflate.
constexpr int kZlibFormat = 15;
constexpr int kGzipFormat = 15 + 16;
constexpr int kRawFormat = -15;

// RFC 1950: compression method 8 and a header that is a multiple of 31.
bool has_zlib_header(std::span<const std::byte> input) noexcept {
  if (input.size() < 2) return false;
  const auto first = std::to_integer<unsigned>(input[0]);
  return (first & 0x0F) == 8 && (first * 256 + std::to_integer<unsigned>(input[1])) % 31 == 0;
}

uInt clamp(std::size_t size) noexcept {
  return static_cast<uInt>(std::min<std::size_t>(size, std::numeric_limits<uInt>::max()));
}

}  // namespace

struct BodyInflater::Zlib {
  explicit Zlib(int format) noexcept { ready = inflateInit2(&stream, format) == Z_OK; }
  ~Zlib() {
    if (ready) inflateEnd(&stream);
  }
  Zlib(const Zlib&) = delete;
  Zlib& operator=(const Zlib&) = delete;
  z_stream stream{};
  bool ready = false;
};

BodyInflater::BodyInflater(ContentCoding coding, std::span<const std::byte> compressed, BufferRef owner,
                           std::size_t json_length, std::size_t max_bytes, BufferPool& pool)
    : input_(compressed),
      owner_(std::move(owner)),
      pool_(pool),
      pad_(alignment_pad(json_length)),
      compressed_(compressed.size()),
      max_bytes_(max_bytes),
      coding_(coding) {
  const int deflate_format = has_zlib_header(compressed) ? kZlibFormat : kRawFormat;
  zlib_ = std::make_unique<Zlib>(coding == ContentCoding::kGzip ? kGzipFormat : deflate_format);
}

BodyInflater::~BodyInflater() = default;

BodyInflater::Progress BodyInflater::fail(Status status) noexcept {
  status_ = std::move(status);
  return Progress::kFailed;
}

BodyInflater::Progress BodyInflater::step() noexcept {
  if (!zlib_->ready) return fail({StatusCode::kResourceExhausted, "No memory to decompress the request body"});
  auto& stream = zlib_->stream;
  const std::size_t goal = size_ + kStepBytes;
  while (size_ < goal) {
    if (!grow()) return Progress::kFailed;
    const std::size_t room = std::min(output_->size() - pad_ - size_, goal - size_);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(input_.data()));
    stream.avail_in = clamp(input_.size());
    stream.next_out = reinterpret_cast<Bytef*>(output_->data() + pad_ + size_);
    stream.avail_out = clamp(room);
    const uInt offered_in = stream.avail_in;
    const uInt offered_out = stream.avail_out;
    const int outcome = inflate(&stream, Z_NO_FLUSH);
    input_ = input_.subspan(offered_in - stream.avail_in);
    size_ += offered_out - stream.avail_out;
    if (size_ > max_bytes_) {
      return fail({StatusCode::kPayloadTooLarge,
                   fmt::format("Decompressed request body too large. Limit: {} bytes", max_bytes_)});
    }
    if (outcome == Z_STREAM_END) {
      if (input_.empty()) return Progress::kDone;
      // A gzip body may be several members in a row.
      if (coding_ != ContentCoding::kGzip || inflateReset(&stream) != Z_OK)
        return fail(invalid_argument("Bytes follow the end of the compressed request body"));
    } else if (outcome == Z_BUF_ERROR || (outcome == Z_OK && input_.empty() && stream.avail_out > 0)) {
      return fail(invalid_argument("Compressed request body is cut off"));
    } else if (outcome != Z_OK) {
      return fail(invalid_argument("Request body is not in the coding that Content-Encoding states"));
    }
  }
  return Progress::kMore;
}

// Room for at least one byte beyond the limit, so that reaching the limit exactly is told from passing it.
bool BodyInflater::grow() noexcept {
  if (output_ && output_->size() > pad_ + size_) return true;
  const std::size_t first = std::min(4 * input_.size(), max_bytes_) + 1024;
  const std::size_t capacity = output_ ? std::min(2 * size_, max_bytes_ + 1) : first;
  try {
    auto larger = pool_.get(pad_ + std::max(capacity, size_ + 1));
    if (size_ > 0) std::memcpy(larger->data() + pad_, output_->data() + pad_, size_);
    output_ = std::move(larger);
    return true;
  } catch (const std::bad_alloc&) {
    status_ = {StatusCode::kResourceExhausted,
               fmt::format("No memory for a decompressed request body of more than {} bytes", size_)};
    return false;
  }
}

std::span<const std::byte> BodyInflater::bytes() const noexcept {
  if (!output_) return {};
  return {output_->data() + pad_, size_};
}

}  // namespace ocelli::transport
