// Listener: accepts connections on one port of several addresses and spreads them over the network threads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.hpp"
#include "transport/file_descriptor.hpp"
#include "transport/io_threads.hpp"

namespace ocelli::transport {

// A connection that was just accepted: non-blocking, TCP_NODELAY set.
struct Accepted {
  FileDescriptor socket;
  std::string remote;  // "address:port", IPv6 in brackets
  LoadShare share;     // keep it as long as the connection lives
};

// Takes new connections; called on the thread of the loop that the connection shall live on.
class ConnectionSink {
 public:
  virtual void on_accepted(EventLoop& loop, Accepted accepted) noexcept = 0;
  // A connection was closed unserved because the process has no descriptors left, or none left for connections.
  virtual void on_refused() noexcept = 0;

 protected:
  ~ConnectionSink() = default;
};

// One socket for each address, owned by one loop; each connection goes to the loop that has the fewest, so that a few
// long-lived clients are spread evenly (the kernel's SO_REUSEPORT would hash them). Because the port is bound without
// SO_REUSEPORT a second server on it is an error.
class Listener {
 public:
  // addresses: comma list of IPv4, IPv6 (with or without brackets) and host names; every address of a name is used.
  // An address that is given twice, or by a wildcard too, is listened on once.
  // port 0: the system chooses one, the same for all addresses. Errors: kInvalidArgument for an address that does not
  // resolve, kUnavailable "cannot listen on ADDRESS:PORT: ..." when it is busy or not this machine's. Connections queue
  // from here on.
  static Result<std::unique_ptr<Listener>> open(const std::string& addresses, std::uint16_t port);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // The port that is really bound.
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  // Begins to accept. Both must outlive this object or stop().
  void start(IoThreads& threads, ConnectionSink& sink);
  // Closes the sockets; when it returns the sink is not called any more. Must not be called on a network thread. May be
  // called twice.
  void stop();

 private:
  class Acceptor;

  Listener() = default;
  Status bind_all(const std::string& addresses, std::uint16_t port);

  IoThreads* threads_ = nullptr;
  std::vector<FileDescriptor> sockets_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::uint16_t port_ = 0;
};

}  // namespace ocelli::transport
