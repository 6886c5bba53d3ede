// Compresses a reply's body.
#pragma once

#include "tensor/buffer_pool.hpp"
#include "transport/body.hpp"
#include "transport/http/request_head.hpp"

namespace ocelli::transport {

// Replaces body by one compressed piece. False, with the body as it was, when memory is short. coding is not kIdentity.
// Takes about 10 ms for a megabyte.
bool compress_body(ReplyBody& body, ContentCoding coding, BufferPool& pool) noexcept;

}  // namespace ocelli::transport
