// BufferPool: reuses host buffers by size class, so that the steady state of a server allocates nothing.
#pragma once

#include <cstddef>
#include <memory>

#include "tensor/buffer.hpp"

namespace ocelli {

// Size classes are powers of two from 512 bytes to 64 MiB; larger requests go to the heap and are not kept. Buffers of
// 2 MiB and more are advised for huge pages, and go back to the system at once when they are not kept. All members are
// thread-safe. A pool may be destroyed while buffers are out: they free themselves later.
class BufferPool {
 public:
  // max_idle_bytes: how much unused memory is kept for reuse; what comes back beyond it is freed at once.
  explicit BufferPool(std::size_t max_idle_bytes = std::size_t{256} << 20);
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  // A buffer of at least size bytes, 64-byte aligned, contents undefined. Throws std::bad_alloc when memory is out.
  BufferRef get(std::size_t size);

  // Bytes kept for reuse at this moment.
  [[nodiscard]] std::size_t idle_bytes() const noexcept;
  // Frees everything that is kept for reuse.
  void trim() noexcept;

 private:
  struct State;
  State* state_;  // shared with the buffers that are out, counted inside
};

}  // namespace ocelli
