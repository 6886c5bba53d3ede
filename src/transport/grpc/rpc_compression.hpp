// Compression of whole gRPC messages: gzip, and deflate in the zlib format (RFC 1950), as gRPC means it.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "base/status.hpp"
#include "tensor/buffer.hpp"
#include "tensor/buffer_pool.hpp"
#include "tensor/charged_pool.hpp"
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

// Decompresses one message, placed so that its bulk is 64-byte aligned. What pool charges in the end is the result's
// size. Errors: kInvalidArgument when the bytes are not of that format or cut off or followed by others,
// kResourceExhausted when more than limit bytes come out. Throws std::bad_alloc, also when pool's charge is refused.
// Thread-safe.
Result<OwnedBytes> inflate_message(RpcEncoding encoding, std::span<const std::byte> bytes, std::size_t limit,
                                   const BulkOffset& bulk_offset, ChargedPool pool);

// Compresses one message, pieces in order, with zlib's fastest level. encoding must not be kIdentity. Errors:
// kInternal, out of memory. Thread-safe.
Result<OwnedBytes> deflate_message(RpcEncoding encoding, const ReplyBody& body, BufferPool& pool);

}  // namespace ocelli::transport
