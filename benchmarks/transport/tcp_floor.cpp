// What loopback TCP itself costs here: one client sends N bytes, a server reads them all and answers 64 bytes; median
// of the round trips. Every latency of the transports is to be read against this, from the same run. Usage: tcp_floor
// BYTES SECONDS; prints microseconds (p50).
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t kReply = 64;

bool receive(int socket, char* into, std::size_t size) {
  for (std::size_t got = 0; got < size;) {
    const auto part = ::recv(socket, into + got, size - got, 0);
    if (part <= 0) return false;
    got += static_cast<std::size_t>(part);
  }
  return true;
}

bool send(int socket, const char* from, std::size_t size) {
  for (std::size_t sent = 0; sent < size;) {
    const auto part = ::send(socket, from + sent, size - sent, MSG_NOSIGNAL);
    if (part <= 0) return false;
    sent += static_cast<std::size_t>(part);
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t bytes = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 64;
  const auto seconds = std::chrono::duration<double>(argc > 2 ? std::atof(argv[2]) : 2);
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener, 1) != 0) return 1;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  const int on = 1;

  std::jthread server([&] {
    const int socket = ::accept(listener, nullptr, nullptr);
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    std::vector<char> buffer(std::max(bytes, kReply));
    while (receive(socket, buffer.data(), bytes) && send(socket, buffer.data(), kReply)) {
    }
    ::close(socket);
  });
  const int client = ::socket(AF_INET, SOCK_STREAM, 0);
  if (::connect(client, reinterpret_cast<sockaddr*>(&address), size) != 0) return 1;
  ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  std::vector<char> buffer(std::max(bytes, kReply), 'x');
  std::vector<double> times;
  for (const auto start = std::chrono::steady_clock::now(); std::chrono::steady_clock::now() - start < seconds;) {
    const auto begin = std::chrono::steady_clock::now();
    if (!send(client, buffer.data(), bytes) || !receive(client, buffer.data(), kReply)) return 1;
    times.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count());
  }
  ::close(client);
  ::close(listener);
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  std::printf("%.1f\n", *middle);
  return 0;
}
