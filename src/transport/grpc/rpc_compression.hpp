// Compression of whole gRPC messages: gzip, and deflate in the zlib format (RFC 1950), as gRPC means it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "base/status.hpp"
#include "tensor/buffer.hpp"
#include "tensor/buffer_pool.hpp"
#include "tensor/byte_charge.hpp"
#include "tensor/mapped_block.hpp"
#include "transport/body.hpp"
#include "transport/grpc/rpc_options.hpp"

namespace ocelli::transport {

// Bytes in a buffer that keeps them alive.
struct OwnedBytes {
  std::span<const std::byte> bytes;
  BufferRef owner;
};

// Given the beginning of a message, the offset from which its bulk begins (RpcHandler::bulk_offset).
using BulkOffset = std::function<std::size_t(std::span<const std::byte>)>;

// Decompresses one message as its bytes come, placed so that its bulk is 64-byte aligned. A piece of it costs as much
// time as comes out of that piece: at most 1,032 times its length, which is as far as DEFLATE reaches. Not thread-safe.
class MessageInflater {
 public:
  // limit: of the bytes that come out. charge holds as many as are there, and after finish() still does; null: nothing
  // is charged. Pool and charge must outlive this object.
  MessageInflater(RpcEncoding encoding, std::size_t limit, BufferPool& pool, ByteCharge* charge) noexcept;
  MessageInflater(const MessageInflater&) = delete;
  MessageInflater& operator=(const MessageInflater&) = delete;
  ~MessageInflater();

  // The next bytes. Errors, after which nothing may follow: kInvalidArgument when they are not of that format or follow
  // the end, kResourceExhausted when more than the limit come out or charge is refused. Throws std::bad_alloc.
  Status feed(std::span<const std::byte> bytes, const BulkOffset& bulk_offset);

  // The message, when all bytes were fed; once. Error: kInvalidArgument when it is cut off. Throws std::bad_alloc.
  Result<OwnedBytes> finish(const BulkOffset& bulk_offset);

  // Bytes that have come out.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  struct Zlib;

  Status begin();
  Status step();
  void make_room();
  void align(const BulkOffset& bulk_offset);
  [[nodiscard]] std::size_t capacity() const noexcept { return first_ ? first_->size() : block_.capacity(); }
  [[nodiscard]] std::byte* data() noexcept { return first_ ? first_->data() : block_.data(); }
  [[nodiscard]] Status broken(std::string_view why) const;

  const RpcEncoding encoding_;
  const std::size_t limit_;
  BufferPool& pool_;
  ByteCharge* const charge_;
  std::unique_ptr<Zlib> zlib_;
  bool ended_ = false;
  bool aligned_ = false;
  BufferRef first_;        // while it fits
  MappedBlock block_;      // afterwards
  std::size_t shift_ = 0;  // where the message begins there
  std::size_t size_ = 0;
  std::size_t charged_ = 0;  // of charge_, to be given back
};

// Compresses one message, pieces in order, with zlib's fastest level. encoding must not be kIdentity. Errors:
// kInternal, out of memory. Thread-safe.
Result<OwnedBytes> deflate_message(RpcEncoding encoding, const ReplyBody& body, BufferPool& pool);

}  // namespace ocelli::transport
