#include "transport/listener.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "transport/socket_address.hpp"

namespace ocelli::transport {
namespace {

constexpr int kBacklog = 4096;
// Port 0 with several addresses: how many free ports of the first address are tried on the others.
constexpr int kPortAttempts = 16;
// How long accepting pauses when the process or the system is out of descriptors or memory.
constexpr Duration kAcceptPause = std::chrono::milliseconds(50);

// busy: set when the port is taken, as opposed to an address that this machine does not have.
Result<FileDescriptor> listen_on(const SocketAddress& address, bool v6_only, bool& busy) {
  FileDescriptor socket(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const auto failed = [&] {
    busy = errno == EADDRINUSE;
    return unavailable("cannot listen on " + address.to_string() + ": " + std::strerror(errno));
  };
  if (!socket) return failed();
  const int on = 1;
  const int only = v6_only ? 1 : 0;
  // Lets a restart bind while old connections are in TIME_WAIT; on Linux it does not let two servers share the port.
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.family() == AF_INET6) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
  if (::bind(socket.get(), address.data(), address.size()) != 0) return failed();
  if (::listen(socket.get(), kBacklog) != 0) return failed();
  return socket;
}

}  // namespace

// Accepts on one socket. Lives on one loop.
class Listener::Acceptor final : public EventLoop::Watcher {
 public:
  Acceptor(EventLoop& loop, IoThreads& threads, ConnectionSink& sink, int socket) noexcept
      : loop_(loop), threads_(threads), sink_(sink), socket_(socket), spare_(open_spare()) {}

  [[nodiscard]] EventLoop& loop() noexcept { return loop_; }
  void open() noexcept { resume(); }
  void close() noexcept {
    pause_.disarm();
    loop_.unwatch(socket_, *this);
  }

  void on_ready(std::uint32_t) noexcept override {
    for (int i = 0; i < kAcceptsPerRound; ++i) {
      SocketAddress peer;
      FileDescriptor socket(::accept4(socket_, peer.data(), peer.size_pointer(), SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (socket) {
        hand_over(std::move(socket), peer);
      } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        return shed();
      } else if (errno == EAGAIN) {
        return;
      }  // anything else concerns that one connection only
    }
  }

 private:
  // Other connections of this loop get their turn in between.
  static constexpr int kAcceptsPerRound = 64;

  static FileDescriptor open_spare() noexcept { return FileDescriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

  void resume() noexcept {
    if (!loop_.watch_level(socket_, *this).ok()) pause_.arm(Clock::now() + kAcceptPause);
  }

  // Out of descriptors: one client is told by a close, thanks to the spare descriptor, and the rest wait in the backlog
  // for a moment.
  void shed() noexcept {
    if (errno == EMFILE || errno == ENFILE) {
      spare_.reset();
      FileDescriptor refused(::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC));
      if (refused) sink_.on_refused();
      refused.reset();
      spare_ = open_spare();
    }
    loop_.unwatch(socket_, *this);
    pause_.arm(loop_.now() + kAcceptPause);
  }

  void hand_over(FileDescriptor socket, const SocketAddress& peer) noexcept {
    if (threads_.full()) return sink_.on_refused();
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    EventLoop& target = threads_.least_loaded();
    Accepted accepted{std::move(socket), peer.to_string(), LoadShare(target)};
    if (&target == &loop_) return sink_.on_accepted(target, std::move(accepted));
    auto handover = std::make_unique<Handover>(sink_, target, std::move(accepted));
    target.submit(handover.release()->task);
  }

  // Carries a connection to the loop that it shall live on, and deletes itself there.
  struct Handover {
    Handover(ConnectionSink& to, EventLoop& loop, Accepted connection)
        : sink(to), target(loop), accepted(std::move(connection)) {}
    void arrive() noexcept {
      const std::unique_ptr<Handover> self(this);
      sink.on_accepted(target, std::move(accepted));
    }
    ConnectionSink& sink;
    EventLoop& target;
    Accepted accepted;
    EventLoop::Task task{&call_member<Handover, &Handover::arrive>, this};
  };

  EventLoop& loop_;
  IoThreads& threads_;
  ConnectionSink& sink_;
  int socket_;
  FileDescriptor spare_;
  EventLoop::Timer pause_{loop_, &call_member<Acceptor, &Acceptor::resume>, this};
};

Result<std::unique_ptr<Listener>> Listener::open(const std::string& addresses, std::uint16_t port) {
  std::unique_ptr<Listener> listener(new Listener());
  Status status;
  for (int attempt = 0; attempt < kPortAttempts; ++attempt) {
    status = listener->bind_all(addresses, port);
    if (status.ok()) return listener;
    listener->sockets_.clear();
    if (port != 0 || status.code() != StatusCode::kUnavailable) break;
  }
  return status;
}

Status Listener::bind_all(const std::string& addresses, std::uint16_t port) {
  auto resolved = resolve_addresses(addresses);
  if (!resolved.ok()) return std::move(resolved).status();
  bool has_ipv4 = false;
  std::set<int> wildcards;  // the families that have one
  for (const auto& group : *resolved) {
    for (const auto& address : group) {
      has_ipv4 = has_ipv4 || address.family() == AF_INET;
      if (address.is_wildcard()) wildcards.insert(address.family());
    }
  }
  // One socket takes all of an address; a second one for it would find its port busy.
  std::set<std::string> taken;
  const auto covered = [&](const SocketAddress& address) {
    if (!address.is_wildcard() && wildcards.contains(address.family())) return true;
    return taken.contains(address.to_string());
  };
  port_ = port;
  for (auto& group : *resolved) {
    // A name may stand for addresses that this machine lacks (::1 without IPv6): one of them must work.
    Status status;
    bool bound = false;
    bool busy = false;
    for (auto& address : group) {
      if (covered(address)) {
        bound = true;
        continue;
      }
      auto name = address.to_string();
      address.set_port(port_);
      auto socket = listen_on(address, has_ipv4, busy);
      if (!socket.ok()) {
        status = std::move(socket).status();
        if (busy) return status;
        continue;
      }
      bound = true;
      taken.insert(std::move(name));
      if (port_ == 0) port_ = SocketAddress::of_local_end(socket->get()).port();
      sockets_.push_back(std::move(*socket));
    }
    if (!bound) return status;
  }
  return {};
}

void Listener::start(IoThreads& threads, ConnectionSink& sink) {
  threads_ = &threads;
  std::size_t next = 0;
  for (const auto& socket : sockets_) {
    auto& loop = threads.loop(next++ % threads.size());
    acceptors_.push_back(std::make_unique<Acceptor>(loop, threads, sink, socket.get()));
    loop.run_sync([&] { acceptors_.back()->open(); });
  }
}

void Listener::stop() {
  for (auto& acceptor : acceptors_) {
    acceptor->loop().run_sync([&] {
      acceptor->close();
      acceptor.reset();
    });
  }
  // Connections that were on their way to another loop arrive before this does.
  for (std::size_t i = 0; threads_ && i < threads_->size(); ++i) threads_->loop(i).run_sync([] {});
  acceptors_.clear();
  sockets_.clear();
  threads_ = nullptr;
}

Listener::~Listener() { stop(); }

}  // namespace ocelli::transport
