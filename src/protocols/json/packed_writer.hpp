// PackedWriter: string tensors, element by element.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "tensor/buffer_pool.hpp"

namespace ocelli::json {

// Builds the packed form of a string tensor (string_tensor.hpp) in a block from a pool, which doubles when it is full.
// Not thread-safe.
class PackedWriter {
 public:
  explicit PackedWriter(BufferPool& pool) : pool_(pool), buffer_(pool.get(512)) {}
  // element is shorter than 4 GiB.
  void add(std::string_view element) {
    const auto length = static_cast<std::uint32_t>(element.size());
    reserve(sizeof length + element.size());
    std::memcpy(buffer_->data() + size_, &length, sizeof length);
    if (!element.empty()) std::memcpy(buffer_->data() + size_ + sizeof length, element.data(), element.size());
    size_ += sizeof length + element.size();
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  // The block; nothing may be added afterwards.
  [[nodiscard]] BufferRef take() noexcept { return std::move(buffer_); }

 private:
  void reserve(std::size_t more) {
    if (buffer_->size() - size_ >= more) return;
    BufferRef bigger = pool_.get(std::max(buffer_->size() * 2, size_ + more));
    std::memcpy(bigger->data(), buffer_->data(), size_);
    buffer_ = std::move(bigger);
  }

  BufferPool& pool_;
  BufferRef buffer_;
  std::size_t size_ = 0;
};

}  // namespace ocelli::json
