#include "backends/openvino_c/protocol/packet_socket.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/clock.hpp"

namespace ocelli::openvino_c {
namespace {

// Room for one descriptor beside a packet.
struct alignas(cmsghdr) Control {
  std::array<char, CMSG_SPACE(sizeof(int))> bytes{};
};

}  // namespace

void Descriptor::reset() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<std::pair<PacketSocket, PacketSocket>> PacketSocket::pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return Status(StatusCode::kResourceExhausted, fmt::format("no socket pair: {}", std::strerror(errno)));
  return std::pair{PacketSocket(Descriptor(ends[0])), PacketSocket(Descriptor(ends[1]))};
}

Status PacketSocket::send(std::span<const std::byte> message, int attached, std::chrono::milliseconds limit) {
  iovec part{const_cast<std::byte*>(message.data()), message.size()};
  msghdr head{};
  head.msg_iov = &part;
  head.msg_iovlen = 1;
  Control control;
  if (attached >= 0) {
    head.msg_control = control.bytes.data();
    head.msg_controllen = control.bytes.size();
    cmsghdr* item = CMSG_FIRSTHDR(&head);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(item), &attached, sizeof attached);
  }
  const TimePoint until = Clock::now() + limit;
  while (true) {
    if (::sendmsg(fd_.get(), &head, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return {};
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS)
      return unavailable(fmt::format("the other end of the socket is gone: {}", std::strerror(errno)));
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
    if (left.count() <= 0) return {StatusCode::kDeadlineExceeded, "the other end does not read its messages"};
    pollfd waiting{fd_.get(), POLLOUT, 0};
    (void)::poll(&waiting, 1, static_cast<int>(left.count()));
  }
}

Result<Packet> PacketSocket::receive() {
  iovec part{buffer_.data(), buffer_.size()};
  Control control;
  msghdr head{};
  head.msg_iov = &part;
  head.msg_iovlen = 1;
  head.msg_control = control.bytes.data();
  head.msg_controllen = control.bytes.size();
  ssize_t got = -1;
  do {
    got = ::recvmsg(fd_.get(), &head, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return Packet{};
  if (got < 0) return unavailable(fmt::format("the socket failed: {}", std::strerror(errno)));
  Packet packet{{buffer_.data(), static_cast<std::size_t>(got)}, {}};
  for (cmsghdr* item = CMSG_FIRSTHDR(&head); item; item = CMSG_NXTHDR(&head, item)) {
    if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS || item->cmsg_len != CMSG_LEN(sizeof(int)))
      continue;
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(item), sizeof fd);
    packet.attached = Descriptor(fd);
  }
  if (got == 0) return unavailable("the other end has closed the socket");
  if ((head.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return internal_error("a message is too long");
  return packet;
}

}  // namespace ocelli::openvino_c
