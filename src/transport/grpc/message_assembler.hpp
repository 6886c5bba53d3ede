// MessageAssembler: the DATA bytes of one call become whole messages, each in one buffer.
#pragma once

#include <cstddef>
#include <cstdint>
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
// into space(). Buffers are sized by the length that the prefix declares: of one that lies nothing is touched but what
// really arrives, and beyond the pool's largest class the system commits memory only as it is touched. Not thread-safe.
class MessageAssembler {
 public:
  // bulk_offset is asked once for each message; all must outlive this object.
  MessageAssembler(const RpcOptions& options, BufferPool& pool, BulkOffset bulk_offset)
      : options_(options), pool_(pool), bulk_offset_(std::move(bulk_offset)) {}

  // Ready for the next call, whose messages may be compressed so.
  void reset(RpcEncoding encoding) noexcept;

  // Takes bytes up to the end of one message and returns how many. Errors, after which only reset() may follow:
  // kInvalidArgument for a malformed prefix, kPayloadTooLarge for a message over the limit, kResourceExhausted when
  // memory is out.
  Result<std::size_t> feed(std::span<const std::byte> bytes) noexcept;

  // A whole message is there; take() it before the next feed().
  [[nodiscard]] bool complete() const noexcept { return placed_ && size_ == length_; }
  // Nothing of a message is there.
  [[nodiscard]] bool at_boundary() const noexcept { return prefix_size_ == 0; }
  // The length that the message under way declares; 0 before its prefix is whole.
  [[nodiscard]] std::size_t declared() const noexcept { return prefix_size_ == kMessagePrefixBytes ? length_ : 0; }

  // The complete message, decompressed. charge holds its bytes as they came, and afterwards as they are. Errors: those
  // of inflate_message().
  Result<OwnedBytes> take(ByteCharge& charge) noexcept;

  // Where the next bytes of the message under way belong; may be empty.
  [[nodiscard]] std::span<std::byte> space() const noexcept;

 private:
  Status open(const MessagePrefix& prefix);
  std::size_t gather_head(std::span<const std::byte> bytes);
  void place(std::span<const std::byte> head);
  std::size_t append(std::span<const std::byte> bytes) noexcept;

  const RpcOptions& options_;
  BufferPool& pool_;
  BulkOffset bulk_offset_;
  RpcEncoding encoding_ = RpcEncoding::kIdentity;
  MessagePrefix prefix_{};
  std::size_t prefix_size_ = 0;
  bool compressed_ = false;
  bool placed_ = false;  // buffer_ is the message's own
  std::size_t length_ = 0;
  std::size_t size_ = 0;   // bytes in buffer_, or in head_ until placed
  std::size_t shift_ = 0;  // where the message begins in buffer_
  BufferRef head_;         // the beginning, while it is too short to tell where the bulk begins
  BufferRef buffer_;
};

}  // namespace ocelli::transport
