// TlsContext: a server's certificate, key and rules for TLS.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/status.hpp"

struct ssl_ctx_st;

namespace ocelli::transport {

// PEM files of one side of TLS.
struct TlsOptions {
  std::string certificate_file;  // PEM, the server's certificate first, then its chain
  std::string key_file;          // PEM
  // PEM of the authorities whose client certificates are accepted. Empty: clients need none; set: each client must show
  // one (mutual TLS).
  std::string client_ca_file;
};

// TLS 1.2 and newer. Immutable after creation: shared by all connections and threads.
class TlsContext {
 public:
  // alpn: protocols offered, the preferred first ("h2", "http/1.1"). A client that offers only others is refused; one
  // that offers none is accepted. Errors: kInvalidArgument naming the file and OpenSSL's reason.
  static Result<std::unique_ptr<TlsContext>> create(const TlsOptions& options, const std::vector<std::string>& alpn);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  [[nodiscard]] ssl_ctx_st* native() noexcept { return context_; }
  // Wire form of the ALPN list, for the callback.
  [[nodiscard]] const std::string& alpn_wire() const noexcept { return alpn_wire_; }

 private:
  TlsContext() = default;

  ssl_ctx_st* context_ = nullptr;
  std::string alpn_wire_;
};

}  // namespace ocelli::transport
