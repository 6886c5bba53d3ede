// EchoHandler: methods that answer with what they were sent, for tests and measurements of the gRPC transport.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "transport/grpc/rpc_exchange.hpp"

namespace ocelli::test {

// Methods below "/test.Echo/":
//   Unary     the message again, its bytes not copied
//   Small     16 bytes, whatever was sent
//   Later     as Unary, finished by another thread
//   Align     the residue by 64 of the address of byte kBulkOffset, as text
//   Metadata  the value of x-probe
//   Deadline  "none", or the milliseconds until the deadline
//   Fail      ends with the gRPC code and text of x-code and the message
//   Hold      not answered until the client goes away or release_held()
//   Held      how many calls are held, as text
//   Stream    each message again (bidirectional)
//   Collect   the sum of the messages' lengths, as text (client streams)
//   Count     as many messages as the number in the one message says (server streams)
//   Keep      messages are kept until the client ends (client streams)
//   Flood     messages of 64 KiB without end, until the client goes away
class EchoHandler final : public transport::RpcHandler {
 public:
  static constexpr std::size_t kBulkOffset = 37;

  EchoHandler();
  ~EchoHandler() override;

  [[nodiscard]] bool known(std::string_view path) const noexcept override;
  [[nodiscard]] bool streaming(std::string_view path) const noexcept override;
  [[nodiscard]] std::size_t bulk_offset(std::string_view path,
                                        std::span<const std::byte> prefix) const noexcept override;
  void handle(transport::RpcExchange& exchange) noexcept override;

  // Finishes all held calls with OK, on this thread.
  void release_held();
  [[nodiscard]] bool wait_for_held(std::size_t count);
  [[nodiscard]] bool wait_for_cancelled(std::size_t count);

 private:
  class HeldCall;
  class StreamCall;
  friend class HeldCall;
  friend class StreamCall;
  using Method = void (EchoHandler::*)(transport::RpcExchange&);

  void unary(transport::RpcExchange& exchange);
  void small(transport::RpcExchange& exchange);
  void later(transport::RpcExchange& exchange);
  void align(transport::RpcExchange& exchange);
  void metadata(transport::RpcExchange& exchange);
  void deadline(transport::RpcExchange& exchange);
  void fail(transport::RpcExchange& exchange);
  void hold(transport::RpcExchange& exchange);
  void count_held(transport::RpcExchange& exchange);
  void stream(transport::RpcExchange& exchange);
  void run_later() noexcept;

  const std::map<std::string, Method, std::less<>> methods_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<transport::RpcExchange*> later_;
  std::vector<std::unique_ptr<HeldCall>> held_;
  std::size_t cancelled_ = 0;
  bool stopping_ = false;
  std::thread worker_;
};

}  // namespace ocelli::test
