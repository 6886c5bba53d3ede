#include "transport/grpc/rpc_connection.hpp"

#include <sys/epoll.h>

#include <array>
#include <utility>

namespace ocelli::transport {
namespace {

// A connection that has more to read than this lets others have their turn first.
constexpr std::size_t kReadBudget = std::size_t{4} << 20;
// Below this a read into the message itself would cost more calls than the copy that it saves. What else is read at a
// time is no more: a large message's first part lands there too and is copied.
constexpr std::size_t kDirectReadBytes = std::size_t{16} * 1024;

}  // namespace

RpcConnection::RpcConnection(std::shared_ptr<RpcContext> context, RpcConnections& connections, EventLoop& loop,
                             Accepted accepted, TlsContext* tls)
    : context_(std::move(context)),
      connections_(connections),
      loop_(loop),
      share_(std::move(accepted.share)),
      stream_(make_stream(std::move(accepted.socket), tls)),
      session_(*context_, *this, std::move(accepted.remote)),
      drain_task_(call_member<RpcConnection, &RpcConnection::run_drain>, this),
      control_task_(call_member<RpcConnection, &RpcConnection::run_control>, this),
      read_task_(call_member<RpcConnection, &RpcConnection::continue_reading>, this) {
  timer_.emplace(loop_, call_member<RpcConnection, &RpcConnection::on_timer>, this);
}

bool RpcConnection::open() noexcept {
  if (!stream_ || !loop_.watch(stream_->descriptor(), *this).ok()) {
    stream_.reset();
    timer_.reset();
    return false;
  }
  session_.start(loop_.now());
  settle();
  return true;
}

void RpcConnection::on_ready(std::uint32_t events) noexcept {
  const auto self = weak_from_this().lock();
  if ((events & EPOLLOUT) != 0) blocked_ = false;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) peer_left_ = true;
  if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0 && !read_pending_) read();
  settle();
}

void RpcConnection::read() noexcept {
  std::size_t budget = kReadBudget;
  while (stream_ && !session_.done()) {
    auto space = session_.direct_space();
    if (space.size() < kDirectReadBytes) space = loop_.scratch().first(kDirectReadBytes);
    const auto result = stream_->read(space);
    if (result.bytes != 0) {
      context_->counters.bytes_received.fetch_add(result.bytes, std::memory_order_relaxed);
      session_.receive(space.first(result.bytes), loop_.now());
    }
    // What has come together with the end of the connection is read until there is the end: no event tells of it again.
    const bool drained = result.state == StreamState::kDrained;
    if (drained && (!peer_left_ || result.bytes == 0)) return;
    if (!drained && result.state != StreamState::kMore) return close();
    budget -= std::min(budget, result.bytes + session_.take_inflated());
    if (budget == 0) {
      read_pending_ = true;
      return submit(read_task_);
    }
  }
}

void RpcConnection::continue_reading() noexcept {
  const auto self = std::exchange(read_task_.kept, nullptr);
  read_pending_ = false;
  read();
  settle();
}

// Brings the connection to rest: writes what there is, sets the timer, closes when it is over.
void RpcConnection::settle() noexcept {
  if (!stream_) return;
  if (!write_out() || session_.done()) return close();
  timer_->arm(session_.next_time());
}

// False: the connection is broken.
bool RpcConnection::write_out() noexcept {
  auto& output = session_.output();
  while (!blocked_) {
    session_.pump();
    if (output.empty()) return true;
    std::array<iovec, Stream::kMaxPieces> pieces;
    const std::size_t count = output.gather(pieces);
    const auto result = stream_->write({pieces.data(), count});
    context_->counters.bytes_sent.fetch_add(result.bytes, std::memory_order_relaxed);
    session_.wrote(result.bytes, loop_.now());
    if (result.state == StreamState::kFailed) return false;
    blocked_ = result.state == StreamState::kDrained && !output.empty();
  }
  return true;
}

void RpcConnection::on_timer() noexcept {
  const auto self = weak_from_this().lock();
  session_.on_time(loop_.now());
  settle();
}

void RpcConnection::wake() noexcept {
  if (!drain_submitted_.exchange(true, std::memory_order_acq_rel)) submit(drain_task_);
}

void RpcConnection::run_drain() noexcept {
  const auto self = std::exchange(drain_task_.kept, nullptr);
  drain_submitted_.store(false, std::memory_order_seq_cst);
  session_.drain(loop_.now());
  settle();
}

void RpcConnection::begin_shut_down() noexcept {
  if (!control_submitted_.exchange(true)) submit(control_task_);
}

void RpcConnection::abort() noexcept {
  aborting_.store(true);
  begin_shut_down();
}

void RpcConnection::run_control() noexcept {
  const auto self = std::exchange(control_task_.kept, nullptr);
  control_submitted_.store(false);
  if (!stream_) return;
  if (aborting_.load()) return close();
  session_.shut_down(loop_.now());
  settle();
}

void RpcConnection::submit(KeptTask& task) noexcept {
  task.kept = shared_from_this();
  loop_.submit(task.task);
}

void RpcConnection::close() noexcept {
  if (!stream_) return;
  const auto self = weak_from_this().lock();
  loop_.unwatch(stream_->descriptor(), *this);
  stream_->shutdown_write();
  stream_.reset();
  timer_.reset();
  share_ = {};
  session_.lost();
  connections_.on_closed(*this);
}

}  // namespace ocelli::transport
