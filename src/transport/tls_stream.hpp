// The encrypted Stream, over OpenSSL.
#pragma once

#include <memory>

#include "transport/stream.hpp"
#include "transport/tls_context.hpp"

struct ssl_st;

namespace ocelli::transport {

// Null when OpenSSL is out of memory.
std::unique_ptr<Stream> make_tls_stream(FileDescriptor socket, TlsContext& context);

// Gives the socket to ssl, which is set up but has none yet, and takes over both. Null when ssl is or when OpenSSL is
// out of memory.
std::unique_ptr<Stream> adopt_tls_stream(FileDescriptor socket, ssl_st* ssl);

}  // namespace ocelli::transport
