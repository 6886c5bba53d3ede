#include "transport/tls_client.hpp"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>

#include "transport/tls_stream.hpp"

namespace ocelli::transport {

Result<std::unique_ptr<TlsClient>> TlsClient::create(const TlsClientOptions& options, const std::string& alpn) {
  std::unique_ptr<TlsClient> made(new TlsClient());
  SSL_CTX* context = made->context_ = SSL_CTX_new(TLS_client_method());
  if (!context) return internal_error("cannot create a TLS context");
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  const bool trusts = options.ca_file.empty()
                          ? SSL_CTX_set_default_verify_paths(context) == 1
                          : SSL_CTX_load_verify_locations(context, options.ca_file.c_str(), nullptr) == 1;
  if (!trusts) return invalid_argument("cannot use TLS authority '" + options.ca_file + "'");
  if (!options.certificate_file.empty() &&
      (SSL_CTX_use_certificate_chain_file(context, options.certificate_file.c_str()) != 1 ||
       SSL_CTX_use_PrivateKey_file(context, options.key_file.c_str(), SSL_FILETYPE_PEM) != 1)) {
    return invalid_argument("cannot use TLS certificate '" + options.certificate_file + "' with key '" +
                            options.key_file + "'");
  }
  std::string wire(1, static_cast<char>(alpn.size()));
  wire += alpn;
  SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(wire.data()),
                          static_cast<unsigned>(wire.size()));
  return made;
}

TlsClient::~TlsClient() { SSL_CTX_free(context_); }

std::unique_ptr<Stream> TlsClient::connect(FileDescriptor socket, const std::string& host) {
  SSL* ssl = SSL_new(context_);
  if (!ssl) return nullptr;
  SSL_set_connect_state(ssl);
  std::array<unsigned char, sizeof(in6_addr)> address{};
  const bool numeric = ::inet_pton(AF_INET, host.c_str(), address.data()) == 1 ||
                       ::inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
  if (numeric) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str());
  } else {
    SSL_set_tlsext_host_name(ssl, host.c_str());
    SSL_set1_host(ssl, host.c_str());
  }
  return adopt_tls_stream(std::move(socket), ssl);
}

}  // namespace ocelli::transport
