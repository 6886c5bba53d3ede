// RpcConnection: one client's socket and its Http2Session, on one network thread.
#pragma once

#include <memory>
#include <optional>

#include "transport/event_loop.hpp"
#include "transport/grpc/http2_session.hpp"
#include "transport/listener.hpp"
#include "transport/stream.hpp"

namespace ocelli::transport {

class RpcConnection;

// Where connections report that they begin and end; on network threads. The server.
class RpcConnections {
 public:
  virtual void on_closed(RpcConnection& connection) noexcept = 0;

 protected:
  ~RpcConnections() = default;
};

// Lives until it is closed and no handler has a call of it any longer. All members belong to the loop's thread, but for
// begin_shut_down() and abort().
class RpcConnection final : public EventLoop::Watcher,
                            public SessionHost,
                            public std::enable_shared_from_this<RpcConnection> {
 public:
  // context outlives all connections (shared). tls null: plain.
  RpcConnection(std::shared_ptr<RpcContext> context, RpcConnections& connections, EventLoop& loop, Accepted accepted,
                TlsContext* tls);

  // False: it could not be watched and is closed.
  bool open() noexcept;

  // Any thread. GOAWAY: no new calls; closes when the last one is answered.
  void begin_shut_down() noexcept;
  // Any thread. Closes now; calls are cancelled.
  void abort() noexcept;

  void on_ready(std::uint32_t events) noexcept override;
  [[nodiscard]] bool on_session_thread() const noexcept override { return loop_.on_thread(); }
  void wake() noexcept override;
  std::shared_ptr<void> keep_alive() noexcept override { return shared_from_this(); }

 private:
  // A task that keeps the connection alive until it has run.
  struct KeptTask {
    KeptTask(EventLoop::Callback callback, RpcConnection* self) noexcept : task(callback, self) {}
    EventLoop::Task task;
    std::shared_ptr<RpcConnection> kept;
  };

  void submit(KeptTask& task) noexcept;
  void run_drain() noexcept;
  void run_control() noexcept;
  void continue_reading() noexcept;
  void on_timer() noexcept;
  void read() noexcept;
  void settle() noexcept;
  bool write_out() noexcept;
  void close() noexcept;

  std::shared_ptr<RpcContext> context_;
  RpcConnections& connections_;
  EventLoop& loop_;
  LoadShare share_;
  std::unique_ptr<Stream> stream_;  // null once closed
  Http2Session session_;
  std::optional<EventLoop::Timer> timer_;
  KeptTask drain_task_;
  KeptTask control_task_;
  KeptTask read_task_;
  std::atomic<bool> drain_submitted_{false};
  std::atomic<bool> control_submitted_{false};
  std::atomic<bool> aborting_{false};
  bool blocked_ = false;  // the socket takes no more until the loop says so
  bool read_pending_ = false;
  bool peer_left_ = false;  // its end of the stream has arrived, behind what is still to be read
};

}  // namespace ocelli::transport
