// TlsClient: a client's rules for TLS, for our own tools and tests.
#pragma once

#include <memory>
#include <string>

#include "base/status.hpp"
#include "transport/stream.hpp"

struct ssl_ctx_st;

namespace ocelli::transport {

// Whom a client trusts and who it is.
struct TlsClientOptions {
  std::string ca_file;           // PEM of the authorities that are trusted; empty: the system's
  std::string certificate_file;  // PEM, shown to servers that ask for it; empty: none
  std::string key_file;          // PEM
};

// TLS 1.2 and newer; the server's certificate must be valid for the name or address that was asked for. Immutable after
// creation.
class TlsClient {
 public:
  // alpn: the one protocol to be spoken ("h2"). Errors: kInvalidArgument naming the file.
  static Result<std::unique_ptr<TlsClient>> create(const TlsClientOptions& options, const std::string& alpn);
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  // Over a connected non-blocking socket; the handshake happens within read() and write(). Null when OpenSSL is out of
  // memory.
  std::unique_ptr<Stream> connect(FileDescriptor socket, const std::string& host);

 private:
  TlsClient() = default;
  ssl_ctx_st* context_ = nullptr;
};

}  // namespace ocelli::transport
