#include "transport/http/body_receiver.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace ocelli::transport {
namespace {

constexpr std::size_t kFirstChunkedCapacity = std::size_t{16} * 1024;

// actual: what is known of the size.
Status too_large(std::size_t limit, std::string_view relation, std::size_t actual) {
  return {StatusCode::kPayloadTooLarge,
          fmt::format("Request body too large. Limit: {} bytes; Actual: {}{} bytes", limit, relation, actual)};
}

Status out_of_memory(std::size_t bytes) {
  return {StatusCode::kResourceExhausted, fmt::format("No memory for a request body of {} bytes", bytes)};
}

}  // namespace

Status BodyReceiver::begin(const RequestHead& head, std::size_t max_bytes, BufferPool& pool) noexcept {
  pool_ = &pool;
  status_ = Status();
  size_ = 0;
  expected_ = 0;
  max_bytes_ = max_bytes;
  pad_ = alignment_pad(head.json_length);
  chunked_ = head.framing == BodyFraming::kChunked;
  if (chunked_) {
    chunks_ = ChunkDecoder(max_bytes);
    return {};
  }
  if (head.framing == BodyFraming::kNone) return {};
  if (head.content_length > max_bytes) return too_large(max_bytes, "", head.content_length);
  expected_ = head.content_length;
  if (!reserve(expected_)) return out_of_memory(expected_);
  return {};
}

std::size_t BodyReceiver::feed(std::span<const std::byte> input) noexcept {
  if (chunked_) return feed_chunks(input);
  const std::size_t part = std::min(input.size(), expected_ - size_);
  if (part > 0) std::memcpy(buffer_->data() + pad_ + size_, input.data(), part);
  size_ += part;
  return part;
}

std::size_t BodyReceiver::feed_chunks(std::span<const std::byte> input) noexcept {
  std::size_t used = 0;
  while (used < input.size() && !chunks_.done() && status_.ok()) {
    const auto step = chunks_.next(input.subspan(used));
    used += step.consumed;
    if (chunks_.too_long()) {
      status_ = too_large(max_bytes_, "at least ", size_ + chunks_.chunk_left());
    } else if (chunks_.failed()) {
      status_ = invalid_argument("Malformed chunked request body");
    } else if (!step.data.empty()) {
      if (!reserve(size_ + step.data.size())) {
        status_ = out_of_memory(size_ + step.data.size());
        break;
      }
      std::memcpy(buffer_->data() + pad_ + size_, step.data.data(), step.data.size());
      size_ += step.data.size();
    }
  }
  return used;
}

std::span<std::byte> BodyReceiver::room() noexcept {
  if (chunked_ || !buffer_) return {};
  return {buffer_->data() + pad_ + size_, expected_ - size_};
}

std::span<const std::byte> BodyReceiver::bytes() const noexcept {
  if (!buffer_) return {};
  return {buffer_->data() + pad_, size_};
}

bool BodyReceiver::reserve(std::size_t capacity) noexcept {
  if (buffer_ && buffer_->size() >= pad_ + capacity) return true;
  if (chunked_) capacity = std::max({capacity, kFirstChunkedCapacity, 2 * size_});
  try {
    auto larger = pool_->get(pad_ + capacity);
    if (size_ > 0) std::memcpy(larger->data() + pad_, buffer_->data() + pad_, size_);
    buffer_ = std::move(larger);
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

}  // namespace ocelli::transport
