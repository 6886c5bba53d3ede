// GrowingBlock: bytes appended to a buffer from a pool, which doubles when it is full.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include "tensor/charged_pool.hpp"

namespace ocelli::json {

// Not thread-safe.
class GrowingBlock {
 public:
  // room: bytes that are expected.
  explicit GrowingBlock(ChargedPool pool, std::size_t room = 0)
      : pool_(pool), capacity_(std::max(room, kSmallestBlock)), buffer_(pool.get(capacity_)) {}

  // Appends size bytes, to be written by the caller at the address that is returned before anything else is appended.
  std::byte* extend(std::size_t size) {
    if (capacity_ - size_ < size) grow(size);
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
  static constexpr std::size_t kSmallestBlock = 512;  // a pool has none that is smaller

  void grow(std::size_t more) {
    const std::size_t capacity = std::max(capacity_ * 2, size_ + more);
    BufferRef bigger = pool_.get(capacity);
    std::memcpy(bigger->data(), buffer_->data(), size_);
    buffer_ = std::move(bigger);
    pool_.drop(std::exchange(capacity_, capacity));
  }

  ChargedPool pool_;
  std::size_t capacity_;  // what was asked for
  BufferRef buffer_;
  std::size_t size_ = 0;
};

}  // namespace ocelli::json
