#include "transport/tls_stream.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace ocelli::transport {
namespace {

// The largest plaintext of one TLS record.
constexpr std::size_t kRecordBytes = std::size_t{16} * 1024;

class TlsStream final : public Stream {
 public:
  TlsStream(FileDescriptor socket, SSL* ssl) noexcept : socket_(std::move(socket)), ssl_(ssl) {}
  ~TlsStream() override { SSL_free(ssl_); }
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  [[nodiscard]] int descriptor() const noexcept override { return socket_.get(); }

  StreamResult read(std::span<std::byte> into) noexcept override {
    ERR_clear_error();
    std::size_t got = 0;
    const int outcome = SSL_read_ex(ssl_, into.data(), into.size(), &got);
    if (outcome == 1) return {got, StreamState::kMore};
    return {0, state_after(outcome)};
  }

  StreamResult write(std::span<const iovec> pieces) noexcept override {
    std::size_t total = 0;
    std::size_t index = 0;
    std::size_t offset = 0;
    while (index < pieces.size()) {
      if (offset == pieces[index].iov_len) {
        ++index;
        offset = 0;
        continue;
      }
      const auto record = next_record(pieces, index, offset);
      ERR_clear_error();
      std::size_t sent = 0;
      const int outcome = SSL_write_ex(ssl_, record.data(), record.size(), &sent);
      if (outcome != 1) return {total, state_after(outcome)};
      total += sent;
      advance(pieces, index, offset, sent);
    }
    return {total, StreamState::kMore};
  }

  void shutdown_write() noexcept override {
    ERR_clear_error();
    if (SSL_is_init_finished(ssl_)) SSL_shutdown(ssl_);
    ::shutdown(socket_.get(), SHUT_WR);
  }

 private:
  StreamState state_after(int outcome) noexcept {
    switch (SSL_get_error(ssl_, outcome)) {
      case SSL_ERROR_WANT_READ:
      case SSL_ERROR_WANT_WRITE:
        return StreamState::kDrained;
      case SSL_ERROR_ZERO_RETURN:
        return StreamState::kEnd;
      default:
        return StreamState::kFailed;  // also an end without close_notify: truncation must not pass for an end
    }
  }

  // A large piece is encrypted from where it lies; small neighbours are put together, so that a header and its short
  // body are one record. A retry after "would block" starts at the same byte and, as OpenSSL demands, is never shorter:
  // the pieces are the same.
  std::span<const std::byte> next_record(std::span<const iovec> pieces, std::size_t index,
                                         std::size_t offset) noexcept {
    const auto* first = static_cast<const std::byte*>(pieces[index].iov_base) + offset;
    const std::size_t left = pieces[index].iov_len - offset;
    if (left >= kRecordBytes || index + 1 == pieces.size()) return {first, std::min(left, kRecordBytes)};
    std::size_t filled = 0;
    while (index < pieces.size() && filled < kRecordBytes) {
      const auto* from = static_cast<const std::byte*>(pieces[index].iov_base) + offset;
      const std::size_t part = std::min(pieces[index].iov_len - offset, kRecordBytes - filled);
      if (part > 0) std::memcpy(record().data() + filled, from, part);
      filled += part;
      ++index;
      offset = 0;
    }
    return record().first(filled);
  }

  static void advance(std::span<const iovec> pieces, std::size_t& index, std::size_t& offset, std::size_t by) noexcept {
    while (by > 0) {
      const std::size_t part = std::min(by, pieces[index].iov_len - offset);
      offset += part;
      by -= part;
      if (offset == pieces[index].iov_len) {
        ++index;
        offset = 0;
      }
    }
  }

  // One thread writes one stream at a time, and a record is consumed before write() returns or is rebuilt for the
  // retry.
  static std::span<std::byte> record() noexcept {
    static thread_local std::array<std::byte, kRecordBytes> bytes;
    return bytes;
  }

  FileDescriptor socket_;
  SSL* ssl_;
};

int send_without_signal(BIO* bio, const char* data, int size) noexcept {
  int socket = -1;
  BIO_get_fd(bio, &socket);
  const auto sent = static_cast<int>(::send(socket, data, static_cast<std::size_t>(size), MSG_NOSIGNAL));
  BIO_clear_retry_flags(bio);
  if (sent <= 0 && BIO_sock_should_retry(sent) != 0) BIO_set_retry_write(bio);
  return sent;
}

// OpenSSL's own socket, but for the signal that write() raises when the peer is gone.
const BIO_METHOD* quiet_socket() {
  static const std::unique_ptr<BIO_METHOD, decltype(&BIO_meth_free)> method = [] {
    const BIO_METHOD* socket = BIO_s_socket();
    BIO_METHOD* quiet = BIO_meth_new(BIO_TYPE_SOCKET, "socket without SIGPIPE");
    if (quiet) {
      BIO_meth_set_write(quiet, send_without_signal);
      BIO_meth_set_read(quiet, BIO_meth_get_read(socket));
      BIO_meth_set_puts(quiet, BIO_meth_get_puts(socket));
      BIO_meth_set_ctrl(quiet, BIO_meth_get_ctrl(socket));
      BIO_meth_set_create(quiet, BIO_meth_get_create(socket));
      BIO_meth_set_destroy(quiet, BIO_meth_get_destroy(socket));
    }
    return std::unique_ptr<BIO_METHOD, decltype(&BIO_meth_free)>(quiet, &BIO_meth_free);
  }();
  return method.get();
}

}  // namespace

std::unique_ptr<Stream> adopt_tls_stream(FileDescriptor socket, ssl_st* ssl) {
  BIO* bio = ssl && quiet_socket() ? BIO_new(quiet_socket()) : nullptr;
  if (!bio) {
    SSL_free(ssl);
    return nullptr;
  }
  BIO_set_fd(bio, socket.get(), BIO_NOCLOSE);
  SSL_set_bio(ssl, bio, bio);
  return std::make_unique<TlsStream>(std::move(socket), ssl);
}

std::unique_ptr<Stream> make_tls_stream(FileDescriptor socket, TlsContext& context) {
  SSL* ssl = SSL_new(context.native());
  if (ssl) SSL_set_accept_state(ssl);
  return adopt_tls_stream(std::move(socket), ssl);
}

}  // namespace ocelli::transport
