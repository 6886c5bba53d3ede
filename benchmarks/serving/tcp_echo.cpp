// The floor of anything over loopback: a blocking TCP client sends BYTES and waits for a 64-byte answer, again and
// again, against a server thread on epoll, as an Asio server would be. Usage: bench_tcp_echo BYTES SECONDS
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "percentiles.hpp"

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kAnswer = 64;

void no_delay(int socket) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

// Answers each BYTES received with 64 bytes, until the client closes.
void serve(int listener, std::size_t bytes) {
  const int socket = ::accept(listener, nullptr, nullptr);
  no_delay(socket);
  const int poll = ::epoll_create1(0);
  epoll_event event{};
  event.events = EPOLLIN;
  ::epoll_ctl(poll, EPOLL_CTL_ADD, socket, &event);
  std::vector<char> buffer(bytes);
  std::size_t received = 0;
  for (;;) {
    ::epoll_wait(poll, &event, 1, -1);
    const auto count = ::recv(socket, buffer.data() + received, bytes - received, 0);
    if (count <= 0) break;
    received += static_cast<std::size_t>(count);
    if (received < bytes) continue;
    received = 0;
    if (::send(socket, buffer.data(), kAnswer, 0) != static_cast<ssize_t>(kAnswer)) break;
  }
  ::close(poll);
  ::close(socket);
}

bool exchange(int socket, std::vector<char>& data, char* answer) {
  for (std::size_t sent = 0; sent < data.size();) {
    const auto count = ::send(socket, data.data() + sent, data.size() - sent, 0);
    if (count <= 0) return false;
    sent += static_cast<std::size_t>(count);
  }
  for (std::size_t got = 0; got < kAnswer;) {
    const auto count = ::recv(socket, answer + got, kAnswer - got, 0);
    if (count <= 0) return false;
    got += static_cast<std::size_t>(count);
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  const auto bytes = static_cast<std::size_t>(std::atoll(argv[1]));
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), length) != 0 || ::listen(listener, 1) != 0) return 1;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
  std::thread server([&] { serve(listener, bytes); });
  const int client = ::socket(AF_INET, SOCK_STREAM, 0);
  if (::connect(client, reinterpret_cast<sockaddr*>(&address), length) != 0) return 1;
  no_delay(client);
  std::vector<char> data(bytes, 'x');
  char answer[kAnswer];
  std::vector<std::int64_t> latencies;
  const auto begin = Clock::now();
  const auto end =
      begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(std::atof(argv[2])));
  for (auto now = begin; now < end;) {
    if (!exchange(client, data, answer)) return 1;
    const auto after = Clock::now();
    latencies.push_back((after - now).count());
    now = after;
  }
  ::close(client);
  server.join();
  std::printf("%s\n",
              bench::summary(latencies, std::chrono::duration<double>(Clock::now() - begin).count(), 0).c_str());
  return 0;
}
