#include "transport/tls_context.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <system_error>

namespace ocelli::transport {
namespace {

// The first error says what happened, those after it which function was told: "PEM lib", "system lib".
std::string openssl_reason() {
  std::array<char, 256> text{};
  const auto error = ERR_peek_error();
  if (ERR_SYSTEM_ERROR(error) != 0) {
    ERR_clear_error();
    return std::generic_category().message(ERR_GET_REASON(error));
  }
  ERR_error_string_n(error, text.data(), text.size());
  const char* reason = ERR_reason_error_string(error);
  ERR_clear_error();
  return reason ? reason : text.data();
}

Status file_error(const char* what, const std::string& path) {
  return invalid_argument(std::string("cannot use ") + what + " '" + path + "': " + openssl_reason());
}

int select_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                unsigned int offered_size, void* argument) {
  const auto& ours = static_cast<const TlsContext*>(argument)->alpn_wire();
  unsigned char* chosen = nullptr;
  const int outcome = SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
                                            static_cast<unsigned int>(ours.size()), offered, offered_size);
  if (outcome != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

Result<std::unique_ptr<TlsContext>> TlsContext::create(const TlsOptions& options,
                                                       const std::vector<std::string>& alpn) {
  std::unique_ptr<TlsContext> made(new TlsContext());
  ERR_clear_error();
  SSL_CTX* context = made->context_ = SSL_CTX_new(TLS_server_method());
  if (!context) return internal_error("cannot create a TLS context: " + openssl_reason());
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Idle connections keep no record buffers; a write may be taken up again from another place in memory.
  SSL_CTX_set_mode(context,
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);

  if (SSL_CTX_use_certificate_chain_file(context, options.certificate_file.c_str()) != 1) {
    return file_error("TLS certificate", options.certificate_file);
  }
  ERR_clear_error();  // what succeeds may leave some, too
  if (SSL_CTX_use_PrivateKey_file(context, options.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return file_error("TLS key", options.key_file);
  }
  if (SSL_CTX_check_private_key(context) != 1) return file_error("TLS key", options.key_file);
  if (!options.client_ca_file.empty()) {
    ERR_clear_error();
    auto* names = SSL_load_client_CA_file(options.client_ca_file.c_str());
    if (!names || SSL_CTX_load_verify_locations(context, options.client_ca_file.c_str(), nullptr) != 1) {
      return file_error("TLS client authority", options.client_ca_file);
    }
    SSL_CTX_set_client_CA_list(context, names);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    // Resumed sessions of one trust setting must not be taken for another's.
    SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>("ocelli"), 6);
  }
  for (const auto& protocol : alpn) {
    made->alpn_wire_.push_back(static_cast<char>(protocol.size()));
    made->alpn_wire_ += protocol;
  }
  if (!alpn.empty()) SSL_CTX_set_alpn_select_cb(context, select_alpn, made.get());
  return made;
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

}  // namespace ocelli::transport
