#include "transport/grpc/message_assembler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace ocelli::transport {
namespace {

constexpr std::size_t kAlignment = 64;
// A handler is asked where the bulk begins when this much of a message is there, or all of it: names, shapes and
// parameters fit.
constexpr std::size_t kHeadBytes = 4096;

Status out_of_memory(std::size_t length) {
  return {StatusCode::kResourceExhausted, fmt::format("no memory for a request message of {} bytes", length)};
}

}  // namespace

void MessageAssembler::reset(RpcEncoding encoding) noexcept {
  encoding_ = encoding;
  prefix_size_ = length_ = size_ = shift_ = inflated_ = 0;
  placed_ = false;
  inflater_.reset();
  head_.reset();
  buffer_.reset();
}

Result<std::size_t> MessageAssembler::feed(std::span<const std::byte> bytes) noexcept try {
  const std::size_t given = bytes.size();
  if (prefix_size_ < kMessagePrefixBytes) {
    const std::size_t count = std::min(kMessagePrefixBytes - prefix_size_, bytes.size());
    std::copy_n(bytes.begin(), count, prefix_.begin() + static_cast<std::ptrdiff_t>(prefix_size_));
    prefix_size_ += count;
    bytes = bytes.subspan(count);
    if (prefix_size_ < kMessagePrefixBytes) return given;
    if (auto status = open(prefix_); !status.ok()) return status;
  }
  if (inflater_) {
    const auto part = bytes.first(std::min(bytes.size(), length_ - size_));
    if (auto status = inflate(part); !status.ok()) return status;
    return given - bytes.size() + part.size();
  }
  if (!placed_) bytes = bytes.subspan(gather_head(bytes));
  if (placed_) bytes = bytes.subspan(append(bytes));
  return given - bytes.size();
} catch (const std::bad_alloc&) {
  return out_of_memory(length_);
}

Status MessageAssembler::open(const MessagePrefix& prefix) {
  const auto flag = std::to_integer<unsigned>(prefix[0]);
  length_ = message_length(prefix);
  if (flag > 1)
    return invalid_argument(fmt::format("a message begins with the compressed flag {}; expected 0 or 1", flag));
  const bool compressed = flag == 1;
  if (compressed && encoding_ == RpcEncoding::kIdentity)
    return invalid_argument("a message is marked as compressed, but grpc-encoding names no compression");
  if (length_ > options_.limits.max_body_bytes) {
    return {StatusCode::kPayloadTooLarge, fmt::format("the request message has {} bytes; at most {} are accepted",
                                                      length_, options_.limits.max_body_bytes)};
  }
  if (compressed) inflater_.emplace(encoding_, options_.limits.max_body_bytes, pool_, charge_);
  return {};
}

// A message that fails gives back at once what it took.
Status MessageAssembler::inflate(std::span<const std::byte> bytes) {
  auto status = inflater_->feed(bytes, bulk_offset_);
  size_ += bytes.size();
  inflated_ = inflater_->size();
  if (!status.ok()) inflater_.reset();
  return status;
}

// Returns how many bytes it kept in head_; 0 once the message is placed.
std::size_t MessageAssembler::gather_head(std::span<const std::byte> bytes) {
  const std::size_t wanted = std::min(length_, kHeadBytes);
  if (size_ == 0 && bytes.size() >= wanted) {
    place(bytes.first(std::min(bytes.size(), length_)));
    return 0;
  }
  if (bytes.empty()) return 0;
  if (!head_) head_ = pool_.get(kHeadBytes);
  const std::size_t count = std::min(bytes.size(), wanted - size_);
  std::copy_n(bytes.begin(), count, head_->data() + size_);
  size_ += count;
  if (size_ == wanted) {
    place({head_->data(), size_});
    std::copy_n(head_->data(), size_, buffer_->data() + shift_);
    head_.reset();
  }
  return count;
}

void MessageAssembler::place(std::span<const std::byte> head) {
  const std::size_t bulk = bulk_offset_(head);
  shift_ = (kAlignment - bulk % kAlignment) % kAlignment;
  buffer_ = pool_.get(length_ + shift_);
  placed_ = true;
}

std::size_t MessageAssembler::append(std::span<const std::byte> bytes) noexcept {
  const std::size_t count = std::min(bytes.size(), length_ - size_);
  auto* to = buffer_->data() + shift_ + size_;
  if (to != bytes.data() && count != 0) std::memcpy(to, bytes.data(), count);
  size_ += count;
  return count;
}

Result<OwnedBytes> MessageAssembler::take() noexcept try {
  if (inflater_) return take_inflated();
  OwnedBytes message{{buffer_->data() + shift_, length_}, std::move(buffer_)};
  reset(encoding_);
  return message;
} catch (const std::bad_alloc&) {
  return out_of_memory(length_);
}

Result<OwnedBytes> MessageAssembler::take_inflated() {
  auto message = inflater_->finish(bulk_offset_);
  if (message.ok() && charge_) charge_->give_back(std::min(length_, charge_->bytes() - message->bytes.size()));
  reset(encoding_);
  return message;
}

std::span<std::byte> MessageAssembler::space() const noexcept {
  if (!placed_ || size_ == length_) return {};
  return {buffer_->data() + shift_ + size_, length_ - size_};
}

}  // namespace ocelli::transport
