// InputBytes: bytes that were read but not used yet.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>

#include "tensor/buffer.hpp"
#include "tensor/buffer_pool.hpp"

namespace ocelli::transport {

// They begin in the loop's scratch memory, where most requests are used up at once, and move to a buffer of their own
// only when they must outlive the turn.
class InputBytes {
 public:
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::string_view text() const noexcept {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }
  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }
  void consume(std::size_t count) noexcept { bytes_ = bytes_.subspan(count); }

  // Bytes in memory that is only valid for this turn. Only when empty().
  void borrow(std::span<const std::byte> bytes) noexcept { bytes_ = bytes; }
  // Before the turn ends: copies borrowed bytes, gives back the buffer when there are none. May throw std::bad_alloc.
  void keep(BufferPool& pool) {
    if (bytes_.empty())
      buffer_.reset();
    else if (!owns())
      move_to(pool, bytes_.size());
  }
  // At least room bytes behind the present ones, to be read into; tell added(). May throw std::bad_alloc.
  std::span<std::byte> tail(BufferPool& pool, std::size_t room) {
    if (!owns() || free_behind() < room) move_to(pool, bytes_.size() + room);
    return {buffer_->data() + offset() + bytes_.size(), free_behind()};
  }
  void added(std::size_t count) noexcept { bytes_ = {bytes_.data(), bytes_.size() + count}; }
  void clear() noexcept {
    bytes_ = {};
    buffer_.reset();
  }

 private:
  [[nodiscard]] bool owns() const noexcept {
    return buffer_ && bytes_.data() >= buffer_->data() && bytes_.data() <= buffer_->data() + buffer_->size();
  }
  [[nodiscard]] std::size_t offset() const noexcept {
    return static_cast<std::size_t>(bytes_.data() - buffer_->data());
  }
  [[nodiscard]] std::size_t free_behind() const noexcept { return buffer_->size() - offset() - bytes_.size(); }
  void move_to(BufferPool& pool, std::size_t capacity) {
    auto buffer = pool.get(std::max(capacity, std::size_t{2048}));
    if (!bytes_.empty()) std::memcpy(buffer->data(), bytes_.data(), bytes_.size());
    bytes_ = {buffer->data(), bytes_.size()};
    buffer_ = std::move(buffer);
  }

  std::span<const std::byte> bytes_;
  BufferRef buffer_;
};

}  // namespace ocelli::transport
