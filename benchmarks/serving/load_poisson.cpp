// Open-loop HTTP load: requests start at the times of a Poisson process whatever the server does, each on a free
// connection of a pool; the latency counts from the intended start, so that waiting is not hidden (Schroeder et al.,
// "Open Versus Closed", NSDI 2006). The number of requests is exactly rate times seconds: given their number, the
// arrivals of a Poisson process are independent and uniform (Ross, "Introduction to Probability Models", 5.3), so the
// offered load is the one that was asked for.
// Usage: bench_load_poisson PORT PATH BODY_FILE JSON_LENGTH REQUESTS_PER_SECOND SECONDS SEED
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <iterator>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "percentiles.hpp"

namespace {

using Clock = std::chrono::steady_clock;
constexpr int kConnections = 64;

int connect_to(int port) {
  const int client = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const int on = 1;
  ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return ::connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 ? client : -1;
}

// One request and its whole reply; true when it was a 200.
bool exchange(int socket, const std::string& request) {
  for (std::size_t sent = 0; sent < request.size();) {
    const auto count = ::send(socket, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return false;
    sent += static_cast<std::size_t>(count);
  }
  std::string reply;
  char buffer[65536];
  std::size_t wanted = 0;
  while (wanted == 0 || reply.size() < wanted) {
    const auto count = ::recv(socket, buffer, sizeof buffer, 0);
    if (count <= 0) return false;
    reply.append(buffer, static_cast<std::size_t>(count));
    const auto end = reply.find("\r\n\r\n");
    if (wanted != 0 || end == std::string::npos) continue;
    auto at = ::strcasestr(reply.c_str(), "\r\ncontent-length:");
    wanted = end + 4 + (at ? std::strtoul(at + 17, nullptr, 10) : 0);
  }
  return reply.compare(9, 3, "200") == 0;
}

struct Arrivals {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Clock::time_point> due;
  bool over = false;
};

// Offsets from the begin, ascending.
std::vector<Clock::duration> arrival_times(double per_second, double seconds, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> when(0, seconds);
  std::vector<Clock::duration> times(static_cast<std::size_t>(per_second * seconds));
  for (auto& time : times)
    time = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(when(random)));
  std::ranges::sort(times);
  return times;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 8) return 64;
  std::ifstream file(argv[3], std::ios::binary);
  const std::string body{std::istreambuf_iterator<char>(file), {}};
  const std::string request =
      fmt::format(
          "POST {} HTTP/1.1\r\nHost: localhost\r\nInference-Header-Content-Length: {}\r\nContent-Length: {}\r\n\r\n",
          argv[2], argv[4], body.size()) +
      body;
  Arrivals arrivals;
  std::mutex results_mutex;
  std::vector<std::int64_t> latencies;
  std::atomic<std::uint64_t> errors{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kConnections; ++i) {
    threads.emplace_back([&] {
      const int socket = connect_to(std::atoi(argv[1]));
      for (;;) {
        std::unique_lock lock(arrivals.mutex);
        arrivals.changed.wait(lock, [&] { return arrivals.over || !arrivals.due.empty(); });
        if (arrivals.due.empty()) break;
        const auto intended = arrivals.due.front();
        arrivals.due.pop_front();
        lock.unlock();
        if (!exchange(socket, request)) {
          ++errors;
          continue;
        }
        const std::lock_guard results(results_mutex);
        latencies.push_back((Clock::now() - intended).count());
      }
      ::close(socket);
    });
  }
  const auto begin = Clock::now();
  for (const auto offset : arrival_times(std::atof(argv[5]), std::atof(argv[6]), std::strtoull(argv[7], nullptr, 10))) {
    const auto next = begin + offset;
    std::this_thread::sleep_until(next);
    const std::lock_guard lock(arrivals.mutex);
    arrivals.due.push_back(next);
    arrivals.changed.notify_one();
  }
  {
    const std::lock_guard lock(arrivals.mutex);
    arrivals.over = true;
    arrivals.changed.notify_all();
  }
  for (auto& thread : threads) thread.join();
  std::printf("%s\n",
              bench::summary(latencies, std::chrono::duration<double>(Clock::now() - begin).count(), errors).c_str());
  return 0;
}
