// RpcClient::Impl: the connection behind a RpcClient; private to its source files.
#pragma once

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "transport/grpc/output_queue.hpp"
#include "transport/grpc/rpc_client.hpp"

namespace ocelli::transport {

// Driven by one thread. Calls are known by their address from start() until they are done.
class RpcClient::Impl {
 public:
  Impl(const RpcClientOptions& options, std::unique_ptr<Stream> stream);
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  // Makes the HTTP/2 session and waits for the server's SETTINGS.
  Status greet();
  void start(RpcCall& call);
  // One round of writing, waiting until then at most, and reading.
  void step(TimePoint until);
  void cancel(RpcCall& call);
  [[nodiscard]] bool broken() const noexcept { return broken_; }
  // Takes it off the list of calls that are done.
  void forget(const RpcCall& call) { std::erase(done_, &call); }
  RpcCall* next_done() {
    if (done_.empty()) return nullptr;
    auto* call = done_.front();
    done_.pop_front();
    return call;
  }
  [[nodiscard]] std::size_t in_flight() const noexcept { return active_.size(); }

 private:
  friend struct RpcClient::Callbacks;

  // rpc_client_callbacks.cpp; false: out of memory.
  bool make_session();
  std::int32_t submit_request(std::span<const nghttp2_nv> headers, RpcCall& call);

  void submit_headers(RpcCall& call);
  void flush();
  void read();
  void check_deadlines(TimePoint now);
  void break_off(const std::string& reason);
  void end(RpcCall& call, Status status);
  void on_header(RpcCall& call, std::string_view name, std::string_view value);
  void on_data(RpcCall& call, std::span<const std::byte> bytes);
  void on_close(RpcCall& call, std::uint32_t code);
  std::span<std::byte> space() noexcept;

  const RpcClientOptions settings_;
  RpcOptions limits_;
  BufferPool pool_;
  std::unique_ptr<Stream> stream_;
  std::vector<std::byte> scratch_;
  std::string authority_;
  std::string authorization_;
  nghttp2_session* http2_ = nullptr;
  OutgoingPool outgoing_;
  OutputQueue output_{outgoing_};
  std::vector<RpcCall*> active_;
  std::deque<RpcCall*> done_;
  RpcCall* data_call_ = nullptr;  // whose DATA frame is being received
  std::size_t data_left_ = 0;
  bool greeted_ = false;
  bool blocked_ = false;
  bool broken_ = false;
  std::string reason_;
};

}  // namespace ocelli::transport
