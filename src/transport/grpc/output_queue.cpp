#include "transport/grpc/output_queue.hpp"

#include <algorithm>

namespace ocelli::transport {
namespace {

// Below this a copy is cheaper than one more piece of a gathered write.
constexpr std::size_t kCopyBelow = 512;
// Written segments and bytes are cut off when so many have piled up in a queue that never runs empty.
constexpr std::size_t kCompactSegments = 256;
constexpr std::size_t kKeptBytes = std::size_t{64} * 1024;

}  // namespace

void OutputQueue::copy(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  const std::size_t offset = copied_.size();
  copied_.insert(copied_.end(), bytes.begin(), bytes.end());
  bytes_ += bytes.size();
  if (segments_.size() > front_ && !segments_.back().data) {
    segments_.back().size += bytes.size();
  } else {
    segments_.push_back({nullptr, offset, bytes.size(), nullptr});
  }
}

void OutputQueue::refer(std::span<const std::byte> bytes, OutgoingMessage& message) {
  if (bytes.size() < kCopyBelow) return copy(bytes);
  segments_.push_back({bytes.data(), 0, bytes.size(), &message});
  ++message.references;
  bytes_ += bytes.size();
}

void OutputQueue::refer_range(OutgoingMessage& message, std::size_t offset, std::size_t length) {
  const auto put = [&](std::span<const std::byte> piece) {
    const std::size_t from = std::min(offset, piece.size());
    const std::size_t count = std::min(length, piece.size() - from);
    offset -= from;
    length -= count;
    if (count != 0) refer(piece.subspan(from, count), message);
  };
  put(message.prefix);
  if (message.compressed) return put(message.encoded.bytes);
  put(std::as_bytes(std::span(message.body.text())));
  for (const auto& piece : message.body.pieces()) put(piece.bytes);
}

void OutputQueue::detach(OutgoingMessage& message) {
  for (std::size_t i = front_; i < segments_.size(); ++i) {
    auto& segment = segments_[i];
    if (segment.message != &message) continue;
    auto* copy = pool_.get();
    copy->body.text().assign(reinterpret_cast<const char*>(segment.data), segment.size);
    copy->references = 1;
    segment.data = reinterpret_cast<const std::byte*>(copy->body.text().data());
    segment.message = copy;
    --message.references;
  }
}

std::size_t OutputQueue::gather(std::span<iovec> pieces) const noexcept {
  const std::size_t count = std::min(pieces.size(), segments_.size() - front_);
  for (std::size_t i = 0; i < count; ++i) {
    const auto& segment = segments_[front_ + i];
    const auto* data = segment.data ? segment.data : copied_.data() + segment.offset;
    pieces[i] = {const_cast<std::byte*>(data), segment.size};
  }
  return count;
}

void OutputQueue::consume(std::size_t count) noexcept {
  bytes_ -= count;
  while (count != 0) {
    auto& segment = segments_[front_];
    if (count < segment.size) {
      if (segment.data) segment.data += count;
      segment.offset += count;
      segment.size -= count;
      break;
    }
    count -= segment.size;
    drop_front();
  }
  if (bytes_ == 0) {
    segments_.clear();
    front_ = 0;
    copied_.clear();
    if (copied_.capacity() > kKeptBytes) std::vector<std::byte>().swap(copied_);
  } else if (front_ >= kCompactSegments || (!segments_[front_].data && segments_[front_].offset >= kKeptBytes)) {
    compact();
  }
}

void OutputQueue::compact() noexcept {
  segments_.erase(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(front_));
  front_ = 0;
  const auto first = std::find_if(segments_.begin(), segments_.end(), [](const Segment& s) { return !s.data; });
  const std::size_t unused = first == segments_.end() ? copied_.size() : first->offset;
  copied_.erase(copied_.begin(), copied_.begin() + static_cast<std::ptrdiff_t>(unused));
  for (auto& segment : segments_) segment.offset -= segment.data ? 0 : unused;
}

void OutputQueue::drop_front() noexcept {
  if (auto* message = segments_[front_].message) pool_.unref(message);
  ++front_;
}

void OutputQueue::clear() noexcept {
  while (front_ < segments_.size()) drop_front();
  segments_.clear();
  copied_.clear();
  front_ = 0;
  bytes_ = 0;
}

}  // namespace ocelli::transport
