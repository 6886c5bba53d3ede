// GrowingBlock: bytes appended to a buffer from a pool, which doubles when it is full.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include "tensor/buffer_pool.hpp"

namespace ocelli::json {

// Not thread-safe.
class GrowingBlock {
 public:
  // room: bytes that are expected.
  explicit GrowingBlock(BufferPool& pool, std::size_t room = 512) : pool_(&pool), buffer_(pool.get(room)) {}

  // Appends size bytes, to be written by the caller at the address that is returned before anything else is appended.
  std::byte* extend(std::size_t size) {
    if (buffer_->size() - size_ < size) grow(size);
    std::byte* const at = buffer_->data() + size_;
    size_ += size;
    return at;
  }
  // Takes back the last size bytes.
  void shrink(std::size_t size) noexcept { size_ -= size; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  // The bytes; nothing may be appended afterwards.
  [[nodiscard]] BufferRef take() noexcept { return std::move(buffer_); }

 private:
  void grow(std::size_t more) {
    BufferRef bigger = pool_->get(std::max(buffer_->size() * 2, size_ + more));
    std::memcpy(bigger->data(), buffer_->data(), size_);
    buffer_ = std::move(bigger);
  }

  BufferPool* pool_;
  BufferRef buffer_;
  std::size_t size_ = 0;
};

}  // namespace ocelli::json
