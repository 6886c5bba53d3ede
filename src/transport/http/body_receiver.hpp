// BodyReceiver: gathers a request's body in one aligned, pooled buffer.
#pragma once

#include <cstddef>
#include <span>

#include "base/status.hpp"
#include "tensor/buffer.hpp"
#include "tensor/buffer_pool.hpp"
#include "transport/http/chunk_decoder.hpp"
#include "transport/http/request_head.hpp"

namespace ocelli::transport {

// Where the body's first byte must lie in a 64-byte aligned buffer so that byte json_length of the body is aligned.
constexpr std::size_t alignment_pad(std::size_t json_length) noexcept { return (64 - json_length % 64) % 64; }

// Reused for every request of a connection; holds no memory between them.
class BodyReceiver {
 public:
  // Errors: kPayloadTooLarge when the stated length is over max_bytes; kResourceExhausted when there is no memory for
  // it.
  Status begin(const RequestHead& head, std::size_t max_bytes, BufferPool& pool) noexcept;

  // Takes bytes that were read already; returns how many belong to this body.
  std::size_t feed(std::span<const std::byte> input) noexcept;
  // With a known length: where the rest may be read to directly; tell filled() how much was. Empty for a chunked body.
  [[nodiscard]] std::span<std::byte> room() noexcept;
  void filled(std::size_t bytes) noexcept { size_ += bytes; }

  [[nodiscard]] bool complete() const noexcept { return chunked_ ? chunks_.done() : size_ == expected_; }
  // Not OK once the body turned out malformed, too large or too much for the memory.
  [[nodiscard]] const Status& status() const noexcept { return status_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept;
  // Hands the buffer over and forgets it.
  BufferRef take() noexcept { return std::move(buffer_); }
  void clear() noexcept { buffer_.reset(); }

 private:
  std::size_t feed_chunks(std::span<const std::byte> input) noexcept;
  bool reserve(std::size_t capacity) noexcept;

  BufferPool* pool_ = nullptr;
  BufferRef buffer_;
  std::size_t pad_ = 0;
  std::size_t size_ = 0;
  std::size_t expected_ = 0;
  std::size_t max_bytes_ = 0;
  bool chunked_ = false;
  ChunkDecoder chunks_;
  Status status_;
};

}  // namespace ocelli::transport
