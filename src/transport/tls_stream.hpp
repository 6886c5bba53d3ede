// The encrypted Stream, over OpenSSL.
#pragma once

#include <memory>

#include "transport/stream.hpp"
#include "transport/tls_context.hpp"

namespace ocelli::transport {

// Null when OpenSSL is out of memory.
std::unique_ptr<Stream> make_tls_stream(FileDescriptor socket, TlsContext& context);

}  // namespace ocelli::transport
