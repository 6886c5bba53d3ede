// SocketAddress: an IPv4 or IPv6 address and port.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.hpp"

namespace ocelli::transport {

class SocketAddress {
 public:
  SocketAddress() noexcept = default;
  SocketAddress(const sockaddr* address, socklen_t size) noexcept;
  // The address that a socket is bound to.
  static SocketAddress of_local_end(int socket) noexcept;

  [[nodiscard]] int family() const noexcept { return storage_.ss_family; }
  // The port in host byte order.
  [[nodiscard]] std::uint16_t port() const noexcept;
  // Replaces the port, in host byte order.
  void set_port(std::uint16_t port) noexcept;
  // Every address of its family: 0.0.0.0, ::.
  [[nodiscard]] bool is_wildcard() const noexcept;
  // "127.0.0.1:9000", "[::1]:9000".
  [[nodiscard]] std::string to_string() const;

  // For system calls.
  [[nodiscard]] const sockaddr* data() const noexcept { return reinterpret_cast<const sockaddr*>(&storage_); }
  [[nodiscard]] sockaddr* data() noexcept { return reinterpret_cast<sockaddr*>(&storage_); }
  [[nodiscard]] socklen_t size() const noexcept { return size_; }
  [[nodiscard]] socklen_t* size_pointer() noexcept { return &size_; }

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = sizeof(sockaddr_storage);
};

// The addresses of one host (IPv4, IPv6 with or without brackets, host name), port 0; never none. Blocks on the
// resolver. Error: kInvalidArgument naming the host.
Result<std::vector<SocketAddress>> resolve_host(std::string name);

// Each element of a comma list (IPv4, IPv6 with or without brackets, host name) resolved to its addresses, port 0.
// Blocks on the resolver. Error: kInvalidArgument naming the element.
Result<std::vector<std::vector<SocketAddress>>> resolve_addresses(const std::string& list);

}  // namespace ocelli::transport
