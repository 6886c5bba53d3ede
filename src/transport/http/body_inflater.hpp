// BodyInflater: decompresses a gzip or deflate body in bounded steps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/status.hpp"
#include "tensor/buffer.hpp"
#include "tensor/buffer_pool.hpp"
#include "transport/http/request_head.hpp"

namespace ocelli::transport {

// One body; used on one thread. A step is short, so that a connection that sends a bomb does not hold up the others of
// its thread.
class BodyInflater {
 public:
  enum class Progress : std::uint8_t { kMore, kDone, kFailed };

  // compressed stays valid through owner. json_length: see alignment_pad(). max_bytes: limit of the result. coding is
  // not kIdentity; "deflate" is the zlib format, and raw deflate is understood too.
  BodyInflater(ContentCoding coding, std::span<const std::byte> compressed, BufferRef owner, std::size_t json_length,
               std::size_t max_bytes, BufferPool& pool);
  ~BodyInflater();
  BodyInflater(const BodyInflater&) = delete;
  BodyInflater& operator=(const BodyInflater&) = delete;

  // Produces up to kStepBytes more.
  Progress step() noexcept;
  // After kFailed: kInvalidArgument (not such a body), kPayloadTooLarge or kResourceExhausted.
  [[nodiscard]] const Status& status() const noexcept { return status_; }
  // What both forms of the body take so far.
  [[nodiscard]] std::size_t memory() const noexcept { return compressed_ + size_; }
  // After kDone.
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept;
  BufferRef take() noexcept { return std::move(output_); }

  static constexpr std::size_t kStepBytes = std::size_t{1} << 20;

 private:
  struct Zlib;
  Progress fail(Status status) noexcept;
  bool grow() noexcept;

  std::unique_ptr<Zlib> zlib_;
  std::span<const std::byte> input_;
  BufferRef owner_;
  BufferRef output_;
  BufferPool& pool_;
  std::size_t pad_;
  std::size_t compressed_;
  std::size_t size_ = 0;
  std::size_t max_bytes_;
  ContentCoding coding_;
  Status status_;
};

}  // namespace ocelli::transport
