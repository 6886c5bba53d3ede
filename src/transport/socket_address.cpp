#include "transport/socket_address.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string_view>

namespace ocelli::transport {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

Result<std::vector<SocketAddress>> resolve_host(std::string name) {
  if (name.size() > 2 && name.front() == '[' && name.back() == ']') name = name.substr(1, name.size() - 2);
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(name.c_str(), nullptr, &hints, &found);
  if (error != 0) return invalid_argument("'" + name + "' cannot be resolved: " + ::gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  std::vector<SocketAddress> addresses;
  for (const auto* info = found; info; info = info->ai_next) {
    const SocketAddress address(info->ai_addr, info->ai_addrlen);
    const auto same = [&](const SocketAddress& other) { return other.to_string() == address.to_string(); };
    if (std::none_of(addresses.begin(), addresses.end(), same)) addresses.push_back(address);
  }
  return addresses;
}

SocketAddress::SocketAddress(const sockaddr* address, socklen_t size) noexcept
    : size_(std::min<socklen_t>(size, sizeof storage_)) {
  std::memcpy(&storage_, address, size_);
}

SocketAddress SocketAddress::of_local_end(int socket) noexcept {
  SocketAddress address;
  ::getsockname(socket, address.data(), address.size_pointer());
  return address;
}

std::uint16_t SocketAddress::port() const noexcept {
  if (family() == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(storage_).sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in&>(storage_).sin_port);
}

void SocketAddress::set_port(std::uint16_t port) noexcept {
  if (family() == AF_INET6)
    reinterpret_cast<sockaddr_in6&>(storage_).sin6_port = htons(port);
  else
    reinterpret_cast<sockaddr_in&>(storage_).sin_port = htons(port);
}

bool SocketAddress::is_wildcard() const noexcept {
  if (family() == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage_).sin6_addr;
    return IN6_IS_ADDR_UNSPECIFIED(&v6);
  }
  return reinterpret_cast<const sockaddr_in&>(storage_).sin_addr.s_addr == INADDR_ANY;
}

std::string SocketAddress::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (family() == AF_INET6) {
    ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(storage_).sin6_addr, text.data(), text.size());
    return "[" + std::string(text.data()) + "]:" + std::to_string(port());
  }
  ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(storage_).sin_addr, text.data(), text.size());
  return std::string(text.data()) + ":" + std::to_string(port());
}

Result<std::vector<std::vector<SocketAddress>>> resolve_addresses(const std::string& list) {
  std::vector<std::vector<SocketAddress>> groups;
  std::string_view rest = list;
  while (true) {
    const auto comma = rest.find(',');
    const auto name = trimmed(rest.substr(0, comma));
    if (name.empty()) return invalid_argument("bind address list '" + list + "' has an empty element");
    auto group = resolve_host(std::string(name));
    if (!group.ok()) return invalid_argument(fmt::format("bind address {}", group.status().message()));
    groups.push_back(std::move(*group));
    if (comma == std::string_view::npos) return groups;
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace ocelli::transport
