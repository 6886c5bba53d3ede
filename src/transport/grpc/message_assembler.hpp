// MessageAssembler: the DATA bytes of one call become whole messages, each in one buffer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/status.hpp"
#include "tensor/buffer.hpp"
#include "tensor/buffer_pool.hpp"
#include "tensor/byte_charge.hpp"
#include "transport/grpc/rpc_compression.hpp"
#include "transport/grpc/rpc_options.hpp"
#include "transport/grpc/rpc_wire.hpp"

namespace ocelli::transport {

// Bytes are copied once, from where they were received into the message's buffer; or not at all when they were received
// into space(). Compressed ones are decompressed as they come. Buffers are sized by the length that the prefix
// declares: of one that lies nothing is touched but what really arrives, and beyond the pool's largest class the system
// commits memory only as it is touched. Not thread-safe.
class MessageAssembler {
 public:
  // bulk_offset is asked once for each message. charge holds a message's bytes as the caller counts them while they
  // come, and here what comes out of compressed ones; null: nothing is charged. All must outlive this object.
  MessageAssembler(const RpcOptions& options, BufferPool& pool, BulkOffset bulk_offset, ByteCharge* charge)
      : options_(options), pool_(pool), bulk_offset_(std::move(bulk_offset)), charge_(charge) {}

  // Ready for the next call, whose messages may be compressed so.
  void reset(RpcEncoding encoding) noexcept;

  // Takes bytes up to the end of one message and returns how many. Errors, after which only reset() may follow:
  // kInvalidArgument for a malformed prefix, kPayloadTooLarge for a message over the limit, kResourceExhausted when
  // memory is out, those of MessageInflater::feed().
  Result<std::size_t> feed(std::span<const std::byte> bytes) noexcept;

  // A whole message is there; take() it before the next feed().
  [[nodiscard]] bool complete() const noexcept { return (placed_ || inflater_) && size_ == length_; }
  // Nothing of a message is there.
  [[nodiscard]] bool at_boundary() const noexcept { return prefix_size_ == 0; }
  // The length that the message under way declares, or more when more has come out of it; 0 before its prefix is whole.
  [[nodiscard]] std::size_t declared() const noexcept {
    return prefix_size_ == kMessagePrefixBytes ? std::max(length_, inflated()) : 0;
  }
  // Bytes that have come out of the message under way, when it is compressed.
  [[nodiscard]] std::size_t inflated() const noexcept { return inflated_; }

  // The complete message, decompressed. The charge, which held its bytes as they came, then holds them as they are.
  // Errors: those of MessageInflater::finish().
  Result<OwnedBytes> take() noexcept;

  // Where the next bytes of the message under way belong; may be empty.
  [[nodiscard]] std::span<std::byte> space() const noexcept;

 private:
  Status open(const MessagePrefix& prefix);
  Status inflate(std::span<const std::byte> bytes);
  Result<OwnedBytes> take_inflated();
  std::size_t gather_head(std::span<const std::byte> bytes);
  void place(std::span<const std::byte> head);
  std::size_t append(std::span<const std::byte> bytes) noexcept;

  const RpcOptions& options_;
  BufferPool& pool_;
  BulkOffset bulk_offset_;
  ByteCharge* charge_;
  RpcEncoding encoding_ = RpcEncoding::kIdentity;
  MessagePrefix prefix_{};
  std::size_t prefix_size_ = 0;
  bool placed_ = false;  // buffer_ is the message's own
  std::size_t length_ = 0;
  std::size_t size_ = 0;   // bytes that came: into buffer_, into head_ until placed, into inflater_
  std::size_t shift_ = 0;  // where the message begins in buffer_
  BufferRef head_;         // the beginning, while it is too short to tell where the bulk begins
  BufferRef buffer_;
  std::optional<MessageInflater> inflater_;  // of a compressed message, in place of the buffers
  std::size_t inflated_ = 0;
};

}  // namespace ocelli::transport
