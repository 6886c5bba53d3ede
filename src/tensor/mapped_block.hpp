// MappedBlock: memory in pages of its own, which becomes larger without being copied.
#pragma once

#include <cstddef>

#include "tensor/buffer.hpp"

namespace ocelli {

// For bytes whose number is known only when the last one is there. The system commits a page when it is first written,
// so that capacity costs nothing until then. Not thread-safe.
class MappedBlock {
 public:
  MappedBlock() noexcept = default;
  MappedBlock(const MappedBlock&) = delete;
  MappedBlock& operator=(const MappedBlock&) = delete;
  ~MappedBlock();

  // Room for at least so many bytes; what is there stays, but may move. Throws std::bad_alloc when the system has no
  // more address space or memory: then nothing changed.
  void reserve(std::size_t bytes);

  // 64-byte aligned; null before the first reserve().
  [[nodiscard]] std::byte* data() const noexcept { return mapping_ ? mapping_ + kHeader : nullptr; }
  [[nodiscard]] std::size_t capacity() const noexcept { return mapped_ - (mapping_ ? kHeader : 0); }

  // Hands the memory over, which lives as long as the buffer; the block is as new. Throws std::bad_alloc.
  [[nodiscard]] BufferRef take();

 private:
  // In front of the bytes: how much is mapped.
  static constexpr std::size_t kHeader = 64;

  std::byte* mapping_ = nullptr;
  std::size_t mapped_ = 0;
};

}  // namespace ocelli
