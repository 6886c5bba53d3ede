#include "transport/stream.hpp"

#include <sys/socket.h>

#include <cerrno>

#include "transport/tls_stream.hpp"

namespace ocelli::transport {
namespace {

class PlainStream final : public Stream {
 public:
  explicit PlainStream(FileDescriptor socket) noexcept : socket_(std::move(socket)) {}

  [[nodiscard]] int descriptor() const noexcept override { return socket_.get(); }

  StreamResult read(std::span<std::byte> into) noexcept override {
    ssize_t got = 0;
    do {
      got = ::recv(socket_.get(), into.data(), into.size(), 0);
    } while (got < 0 && errno == EINTR);
    if (got > 0) {
      // A short read has emptied the socket: the next arrival is a new edge, so asking again would be a wasted call.
      const auto bytes = static_cast<std::size_t>(got);
      return {bytes, bytes < into.size() ? StreamState::kDrained : StreamState::kMore};
    }
    if (got == 0) return {0, StreamState::kEnd};
    return {0, errno == EAGAIN ? StreamState::kDrained : StreamState::kFailed};
  }

  StreamResult write(std::span<const iovec> pieces) noexcept override {
    std::size_t wanted = 0;
    for (const auto& piece : pieces) wanted += piece.iov_len;
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces.data());
    message.msg_iovlen = pieces.size();
    ssize_t sent = 0;
    do {
      sent = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) return {0, errno == EAGAIN ? StreamState::kDrained : StreamState::kFailed};
    const auto bytes = static_cast<std::size_t>(sent);
    return {bytes, bytes < wanted ? StreamState::kDrained : StreamState::kMore};
  }

  void shutdown_write() noexcept override { ::shutdown(socket_.get(), SHUT_WR); }

 private:
  FileDescriptor socket_;
};

}  // namespace

std::unique_ptr<Stream> make_stream(FileDescriptor socket, TlsContext* tls) {
  if (tls) return make_tls_stream(std::move(socket), *tls);
  return std::make_unique<PlainStream>(std::move(socket));
}

}  // namespace ocelli::transport
