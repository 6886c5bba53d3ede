// Http2Session: the server's side of one HTTP/2 connection that carries gRPC: bytes in, calls to the handler, bytes
// out. Knows no sockets.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "transport/grpc/flood_guard.hpp"
#include "transport/grpc/outgoing_message.hpp"
#include "transport/grpc/output_queue.hpp"
#include "transport/grpc/rpc_context.hpp"
#include "transport/grpc/rpc_stream.hpp"

struct nghttp2_session;

namespace ocelli::transport {

// What a session needs from whoever owns it, a connection.
class SessionHost {
 public:
  // Whether the caller runs on the thread that uses the session.
  [[nodiscard]] virtual bool on_session_thread() const noexcept = 0;
  // Any thread: Http2Session::drain() shall be called on the session's thread, soon but not from within. May come again
  // before it was.
  virtual void wake() noexcept = 0;
  // Keeps the session and this host alive while a handler has a call of theirs.
  virtual std::shared_ptr<void> keep_alive() noexcept = 0;

 protected:
  ~SessionHost() = default;
};

// Used on one thread, but for submit(). The owner holds a reference of keep_alive() around each call into it. All
// storage is pooled: in the steady state only nghttp2 allocates.
class Http2Session {
 public:
  // All must outlive this object. remote: "address:port".
  Http2Session(RpcContext& context, SessionHost& host, std::string remote);
  ~Http2Session();
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;

  // Queues our SETTINGS, which are sent when the client has shown that it speaks HTTP/2. First of all.
  void start(TimePoint now) noexcept;

  // Where the next bytes had best be read to, so that they need not be copied: the message under way. Empty: anywhere.
  // Holds until the next call.
  [[nodiscard]] std::span<std::byte> direct_space() const noexcept;
  void receive(std::span<const std::byte> bytes, TimePoint now) noexcept;
  // How many bytes came out of compressed messages since the last call: what receive() took its time for.
  [[nodiscard]] std::size_t take_inflated() noexcept { return std::exchange(inflated_, 0); }
  // Takes over what other threads wrote and finished.
  void drain(TimePoint now) noexcept;
  // Moves what may be sent now to output(), up to about a megabyte.
  void pump() noexcept;
  [[nodiscard]] OutputQueue& output() noexcept { return output_; }
  // count bytes of output() were written.
  void wrote(std::size_t count, TimePoint now) noexcept;
  // Nothing more to be read or written: close the connection.
  [[nodiscard]] bool done() const noexcept;

  // When on_time() wants to be called next; kNever: not at all.
  [[nodiscard]] TimePoint next_time() const noexcept { return next_time_; }
  void on_time(TimePoint now) noexcept;

  // Asks the client for no new calls (GOAWAY); those under way end normally, then done().
  void shut_down(TimePoint now) noexcept;
  // The connection is gone: cancels all calls. Nothing but drain() may follow.
  void lost() noexcept;

  // --- for RpcStream
  [[nodiscard]] RpcContext& context() noexcept { return context_; }
  [[nodiscard]] std::string_view remote() const noexcept { return remote_; }
  [[nodiscard]] OutgoingPool& outgoing() noexcept { return outgoing_; }
  [[nodiscard]] const std::shared_ptr<ByteBudget>& declared_budget() const noexcept { return declared_; }
  // Any thread. On the session's own thread, within one of its calls, the message is taken at once; else by drain().
  // Never calls a handler.
  void submit(OutgoingMessage& message) noexcept;

 private:
  friend struct Http2Callbacks;

  // http2_receive.cpp
  RpcStream* open_stream(std::int32_t id) noexcept;
  void on_header(RpcStream& stream, std::string_view name, std::string_view value);
  void on_headers_complete(RpcStream& stream) noexcept;
  Status accept_call(RpcStream& stream);
  int http_refusal(const RpcStream& stream) const noexcept;
  void on_data(RpcStream& stream, std::span<const std::byte> bytes, bool last_frame) noexcept;
  bool charge(RpcStream& stream, std::size_t arrived, std::size_t length) noexcept;
  void uncharge(RpcStream& stream) noexcept;
  void on_message(RpcStream& stream, bool ends) noexcept;
  void on_half_close(RpcStream& stream) noexcept;
  void hand_over(RpcStream& stream) noexcept;
  void on_stream_closed(RpcStream& stream, bool in_order) noexcept;
  bool allow_frame() noexcept;
  bool allow_header(std::size_t bytes) noexcept;

  // http2_send.cpp
  void commit(OutgoingMessage& message) noexcept;
  void enqueue(RpcStream& stream, OutgoingMessage& message) noexcept;
  void drop_queued(RpcStream& stream) noexcept;
  void continue_reply(RpcStream& stream) noexcept;
  // Ends a call by the transport's own decision; the handler, if it has it, is told that it is cancelled.
  void answer(RpcStream& stream, Status status) noexcept;
  // As answer(), where the client cannot be told a status any more.
  void abandon(RpcStream& stream, Status status) noexcept;
  void cancel(RpcStream& stream) noexcept;
  void reset_stream(RpcStream& stream, std::uint32_t code) noexcept;
  void submit_headers(RpcStream& stream) noexcept;
  void submit_trailers_only(RpcStream& stream) noexcept;
  void submit_trailers(RpcStream& stream) noexcept;
  void submit_http_status(RpcStream& stream, int status) noexcept;
  std::ptrdiff_t next_data(RpcStream& stream, std::size_t room, std::uint32_t* flags) noexcept;
  bool put_data(RpcStream& stream, std::span<const std::byte> frame_header, std::size_t length);
  void on_reply_sent(RpcStream& stream) noexcept;

  // http2_session.cpp
  void recycle_when_done(RpcStream& stream) noexcept;
  void record_access(const RpcStream& stream) const noexcept;
  void check_stream_time(RpcStream& stream, TimePoint now) noexcept;
  void check_connection_time(TimePoint now) noexcept;
  void wake_at(TimePoint when) noexcept { next_time_ = std::min(next_time_, when); }
  void take_submitted() noexcept;
  void refuse_http1() noexcept;
  void fail(std::uint32_t code) noexcept;

  RpcContext& context_;
  SessionHost& host_;
  const std::string remote_;
  nghttp2_session* http2_ = nullptr;
  OutgoingPool outgoing_;
  OutputQueue output_{outgoing_};
  std::atomic<OutgoingMessage*> submitted_{nullptr};  // newest first

  std::vector<std::unique_ptr<RpcStream>> idle_;
  RpcStream* open_ = nullptr;  // list of those that HTTP/2 knows; the others in use are the handlers'
  std::size_t open_count_ = 0;
  std::size_t handed_count_ = 0;
  // Of the connection's messages in memory, by their declared lengths; see RpcOptions::max_connection_bytes.
  const std::shared_ptr<ByteBudget> declared_;

  RpcStream* data_stream_ = nullptr;  // whose DATA frame is being received
  std::size_t data_left_ = 0;         // of that frame
  std::size_t inflated_ = 0;          // since take_inflated()
  std::size_t header_bytes_ = 0;      // of the header block that is being received, as it is without compression

  int depth_ = 0;  // calls of ours on the stack: output is written when they return
  bool failed_ = false;
  bool lost_ = false;         // streams are gone without nghttp2's knowledge: it must not be called again
  bool closing_ = false;      // GOAWAY was announced
  bool goaway_sent_ = false;  // with the last stream
  bool greeted_ = false;      // the client's preface is complete
  // Of the client's preface, 24 bytes (RFC 9113, 3.4); nothing is sent before it, for a client of HTTP/1 is told so.
  std::size_t preface_left_ = 24;
  TimePoint now_{};
  TimePoint started_{};
  TimePoint received_{};
  TimePoint written_{};
  TimePoint idle_since_{};
  TimePoint ping_sent_ = kNever;
  TimePoint closing_since_ = kNever;
  TimePoint next_time_ = kNever;
  FloodGuard control_guard_{10'000, 1'000};
  FloodGuard abort_guard_{1'000, 100};
};

}  // namespace ocelli::transport
