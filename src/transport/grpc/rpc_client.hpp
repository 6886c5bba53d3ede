// RpcClient: a small gRPC client for unary calls, for our own tools, benchmarks and tests.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/status.hpp"
#include "tensor/buffer_pool.hpp"
#include "transport/grpc/message_assembler.hpp"
#include "transport/grpc/outgoing_message.hpp"
#include "transport/grpc/rpc_options.hpp"
#include "transport/tls_client.hpp"

namespace ocelli::transport {

// One call, owned by the caller and reusable: filled, started, done, filled again. It must not go while it is under
// way.
class RpcCall {
 public:
  std::string path;  // "/package.Service/Method"
  // Names in lower case; not those that gRPC sets itself.
  std::vector<std::pair<std::string, std::string>> metadata;
  // From start(); zero: none. Sent as grpc-timeout and kept by the client too.
  Duration timeout{};
  // gzip or deflate: the request is compressed so.
  RpcEncoding encoding = RpcEncoding::kIdentity;
  // The request message: text() first, then the pieces, which are sent from where they lie.
  [[nodiscard]] ReplyBody& request() noexcept { return message_.body; }

  // --- once it is done
  Status status;
  OwnedBytes reply;
  [[nodiscard]] bool done() const noexcept { return done_; }
  // From start() to the status.
  [[nodiscard]] Duration took() const noexcept { return ended_ - started_; }

 private:
  friend class RpcClient;
  OutgoingMessage message_;
  std::unique_ptr<MessageAssembler> assembler_;
  std::size_t sent_ = 0;
  std::int32_t stream_ = 0;
  RpcEncoding reply_encoding_ = RpcEncoding::kIdentity;
  int http_status_ = 0;
  int grpc_status_ = -1;
  std::string grpc_message_;
  TimePoint started_{};
  TimePoint ended_{};
  TimePoint deadline_ = kNever;
  bool done_ = true;
};

// Where a client connects to, and how.
struct RpcClientOptions {
  std::string host = "127.0.0.1";  // address or name
  std::uint16_t port = 0;
  TlsClient* tls = nullptr;  // null: plain TCP with prior knowledge of HTTP/2; outlives the client
  Duration connect_timeout = std::chrono::seconds(10);
  std::string api_key;  // sent as "authorization: Bearer KEY"; empty: none
  std::size_t max_message_bytes = std::size_t{1} << 30;
};

// One connection with any number of calls in flight. Not thread-safe: one thread drives it and waits in it; a thread
// per client measures best.
class RpcClient {
 public:
  // Connects; waits for the server no longer than connect_timeout. Errors: kUnavailable with the reason.
  static Result<std::unique_ptr<RpcClient>> connect(const RpcClientOptions& options);
  ~RpcClient();
  RpcClient(const RpcClient&) = delete;
  RpcClient& operator=(const RpcClient&) = delete;

  // Sends the call as far as the socket takes it. It is done at once when the connection is broken.
  void start(RpcCall& call);
  // Waits until the call is done, or until then. False: it is not.
  bool wait(RpcCall& call, TimePoint until = kNever);
  // Waits until any call is done and returns it, once for each; null: none was until then, or none is in flight.
  RpcCall* wait_any(TimePoint until = kNever);
  // Gives the call up; it is done with kCancelled.
  void cancel(RpcCall& call);
  // start() and wait().
  const Status& run(RpcCall& call);
  // Calls that are under way.
  [[nodiscard]] std::size_t in_flight() const noexcept;

 private:
  class Impl;
  struct Callbacks;
  explicit RpcClient(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ocelli::transport
