// Buffer: a reference-counted block of bytes. BufferRef: the counted reference.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace ocelli {

class BufferRef;

// A block of bytes in the host's memory (64-byte aligned where it is of the pool or of allocate()) with an owner that
// is told when the last reference goes. The count is thread-safe; the bytes are not guarded.
class Buffer {
 public:
  // Called once, on whatever thread drops the last reference. It must free the Buffer object itself too.
  using Release = void (*)(Buffer* self) noexcept;

  Buffer(std::byte* data, std::size_t size, Release release, void* context) noexcept
      : data_(data), size_(size), release_(release), context_(context) {}
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  // A new block on the host heap, 64-byte aligned; size 0 is allowed. Throws std::bad_alloc.
  static BufferRef allocate(std::size_t size);

  // Bytes that somebody else owns; release(context) is called when the last reference goes (null: nothing to do).
  static BufferRef wrap(std::byte* data, std::size_t size, void (*release)(void* context) noexcept, void* context);

  [[nodiscard]] std::byte* data() noexcept { return data_; }
  [[nodiscard]] const std::byte* data() const noexcept { return data_; }
  // Capacity in bytes; users keep track of how much of it they filled.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] void* context() const noexcept { return context_; }

  // For memory that others may take away while it is used: flag, which lives as long as the bytes, becomes true then.
  // Before the buffer is shared.
  void watch(const std::atomic<bool>& flag) noexcept { lost_ = &flag; }
  // Bytes were taken away: what was read of it or written to it since may have been zeros or nothing.
  [[nodiscard]] bool lost() const noexcept { return lost_ && lost_->load(std::memory_order_acquire); }

 private:
  friend class BufferRef;
  std::byte* data_;
  std::size_t size_;
  Release release_;
  void* context_;
  const std::atomic<bool>* lost_ = nullptr;
  std::atomic<std::uint32_t> references_{1};
};

// Counted reference to a Buffer; null by default. Copying adds a reference.
class BufferRef {
 public:
  BufferRef() noexcept = default;
  // Takes over the one reference that a new Buffer starts with.
  explicit BufferRef(Buffer* adopted) noexcept : buffer_(adopted) {}
  BufferRef(const BufferRef& other) noexcept : buffer_(other.buffer_) {
    if (buffer_) buffer_->references_.fetch_add(1, std::memory_order_relaxed);
  }
  BufferRef(BufferRef&& other) noexcept : buffer_(std::exchange(other.buffer_, nullptr)) {}
  BufferRef& operator=(BufferRef other) noexcept {
    std::swap(buffer_, other.buffer_);
    return *this;
  }
  ~BufferRef() { reset(); }

  // Drops the reference and becomes null.
  void reset() noexcept {
    auto* buffer = std::exchange(buffer_, nullptr);
    if (buffer && buffer->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) buffer->release_(buffer);
  }
  // True when this is the only reference.
  [[nodiscard]] bool unique() const noexcept {
    return buffer_ && buffer_->references_.load(std::memory_order_acquire) == 1;
  }
  explicit operator bool() const noexcept { return buffer_ != nullptr; }
  Buffer* operator->() const noexcept { return buffer_; }
  Buffer& operator*() const noexcept { return *buffer_; }
  [[nodiscard]] Buffer* get() const noexcept { return buffer_; }

 private:
  Buffer* buffer_ = nullptr;
};

}  // namespace ocelli
