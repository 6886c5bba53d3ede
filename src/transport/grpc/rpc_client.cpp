#include "transport/grpc/rpc_client.hpp"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "transport/grpc/rpc_client_impl.hpp"
#include "transport/socket_address.hpp"

namespace ocelli::transport {
namespace {

// A connected, non-blocking socket.
Result<FileDescriptor> connect_socket(const RpcClientOptions& options) {
  auto resolved = resolve_host(options.host);
  if (!resolved.ok()) return resolved.status();
  std::string reason = "no address";
  for (auto& address : *resolved) {
    address.set_port(options.port);
    FileDescriptor socket(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    int error = ::connect(socket.get(), address.data(), address.size()) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      pollfd poll{socket.get(), POLLOUT, 0};
      const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(options.connect_timeout).count();
      socklen_t size = sizeof error;
      if (::poll(&poll, 1, static_cast<int>(milliseconds)) <= 0)
        error = ETIMEDOUT;
      else
        ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (error == 0) return socket;
    reason = std::strerror(error);
  }
  return unavailable(fmt::format("cannot connect to {}:{}: {}", options.host, options.port, reason));
}

}  // namespace

RpcClient::RpcClient(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
RpcClient::~RpcClient() = default;

Result<std::unique_ptr<RpcClient>> RpcClient::connect(const RpcClientOptions& options) {
  auto socket = connect_socket(options);
  if (!socket.ok()) return socket.status();
  auto stream =
      options.tls ? options.tls->connect(std::move(*socket), options.host) : make_stream(std::move(*socket), nullptr);
  if (!stream) return internal_error("out of memory");
  auto impl = std::make_unique<Impl>(options, std::move(stream));
  if (auto status = impl->greet(); !status.ok()) return status;
  return std::unique_ptr<RpcClient>(new RpcClient(std::move(impl)));
}

void RpcClient::start(RpcCall& call) { impl_->start(call); }

bool RpcClient::wait(RpcCall& call, TimePoint until) {
  while (!call.done_ && Clock::now() < until) impl_->step(until);
  if (call.done_) impl_->forget(call);
  return call.done_;
}

RpcCall* RpcClient::wait_any(TimePoint until) {
  while (true) {
    if (auto* call = impl_->next_done()) return call;
    if (impl_->in_flight() == 0 || Clock::now() >= until) return nullptr;
    impl_->step(until);
  }
}

void RpcClient::cancel(RpcCall& call) { impl_->cancel(call); }

const Status& RpcClient::run(RpcCall& call) {
  start(call);
  wait(call);
  return call.status;
}

std::size_t RpcClient::in_flight() const noexcept { return impl_->in_flight(); }

}  // namespace ocelli::transport
