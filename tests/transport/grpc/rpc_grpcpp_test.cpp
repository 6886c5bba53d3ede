// The server as gRPC C++, an independent implementation, sees it.
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "transport/grpc/rpc_echo.hpp"
#include "transport/grpc/rpc_server.hpp"

namespace ocelli::transport {
namespace {

using namespace std::chrono_literals;
using namespace ocelli::test;

grpc::ByteBuffer buffer_of(const std::string& text) {
  const grpc::Slice slice(text);
  return {&slice, 1};
}

std::string text_of(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string text;
  if (!buffer.Dump(&slices).ok()) return "(unreadable)";
  for (const auto& slice : slices) text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return text;
}

// One bidirectional call that sends its messages as fast as it can and keeps what comes back.
class EchoReactor final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  EchoReactor(grpc::GenericStub& stub, std::deque<std::string> messages) : messages_(std::move(messages)) {
    context.set_deadline(std::chrono::system_clock::now() + 20s);
    stub.PrepareBidiStreamingCall(&context, "/test.Echo/Stream", {}, this);
    write_next();
    StartRead(&incoming_);
    StartCall();
  }
  void OnWriteDone(bool ok) override {
    if (ok) write_next();
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    replies.push_back(text_of(incoming_));
    StartRead(&incoming_);
  }
  void OnDone(const grpc::Status& status) override {
    const std::lock_guard lock(mutex_);
    status_ = status;
    done_ = true;
    changed_.notify_all();
  }
  grpc::Status wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return done_; });
    return status_;
  }

  grpc::ClientContext context;
  std::vector<std::string> replies;

 private:
  void write_next() {
    if (messages_.empty()) return StartWritesDone();
    outgoing_ = buffer_of(messages_.front());
    messages_.pop_front();
    StartWrite(&outgoing_);
  }

  std::deque<std::string> messages_;
  grpc::ByteBuffer outgoing_;
  grpc::ByteBuffer incoming_;
  std::mutex mutex_;
  std::condition_variable changed_;
  grpc::Status status_;
  bool done_ = false;
};

class GrpcCppTest : public testing::Test {
 protected:
  void SetUp() override {
    auto threads = IoThreads::start(2);
    ASSERT_TRUE(threads.ok());
    threads_ = std::move(*threads);
    RpcServerParts parts;
    parts.handler = &handler_;
    parts.pool = &pool_;
    parts.threads = threads_.get();
    parts.options.reply_encoding = RpcEncoding::kGzip;
    parts.options.reply_encoding_minimum = std::size_t{2} << 20;
    auto server = RpcServer::start(std::move(parts), "127.0.0.1", 0);
    ASSERT_TRUE(server.ok());
    server_ = std::move(*server);
  }
  [[nodiscard]] std::shared_ptr<grpc::Channel> channel() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetMaxReceiveMessageSize(-1);
    return grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(server_->port()), grpc::InsecureChannelCredentials(),
                                     arguments);
  }
  static grpc::Status call(grpc::Channel& channel, const std::string& method, const std::string& message,
                           std::string* reply, grpc::ClientContext& context) {
    const auto path = "/test.Echo/" + method;
    const grpc::internal::RpcMethod rpc(path.c_str(), grpc::internal::RpcMethod::NORMAL_RPC);
    grpc::ByteBuffer answer;
    const auto status = grpc::internal::BlockingUnaryCall(&channel, rpc, &context, buffer_of(message), &answer);
    if (status.ok() && reply) *reply = text_of(answer);
    return status;
  }
  static grpc::Status call(grpc::Channel& channel, const std::string& method, const std::string& message,
                           std::string* reply = nullptr) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 20s);
    return call(channel, method, message, reply, context);
  }

  EchoHandler handler_;
  BufferPool pool_;
  std::unique_ptr<IoThreads> threads_;
  std::unique_ptr<RpcServer> server_;
};

TEST_F(GrpcCppTest, EchoesMessagesOfAllSizes) {
  const auto connection = channel();
  for (const std::size_t size : {std::size_t{0}, std::size_t{64}, std::size_t{602'112}, std::size_t{64} << 20}) {
    std::string message(size, 'm');
    for (std::size_t i = 0; i < size; i += 997) message[i] = static_cast<char>(i);
    for (const auto* method : {"Unary", "Later"}) {  // the largest come back compressed
      std::string reply;
      const auto status = call(*connection, method, message, &reply);
      EXPECT_TRUE(status.ok()) << status.error_message();
      EXPECT_TRUE(reply == message) << size;
    }
  }
}

TEST_F(GrpcCppTest, CompressedRequests) {
  const auto connection = channel();
  for (const auto algorithm : {GRPC_COMPRESS_GZIP, GRPC_COMPRESS_DEFLATE}) {
    grpc::ClientContext context;
    context.set_compression_algorithm(algorithm);
    std::string reply;
    EXPECT_TRUE(call(*connection, "Unary", std::string(700'000, 'z'), &reply, context).ok());
    EXPECT_TRUE(reply == std::string(700'000, 'z'));
  }
}

TEST_F(GrpcCppTest, MetadataErrorsAndUnknownMethods) {
  const auto connection = channel();
  grpc::ClientContext with_probe;
  with_probe.AddMetadata("x-probe", "value");
  std::string reply;
  EXPECT_TRUE(call(*connection, "Metadata", "", &reply, with_probe).ok());
  EXPECT_EQ(reply, "value");
  grpc::ClientContext with_code;
  with_code.AddMetadata("x-code", "9");
  const std::string text = "ungew\xc3\xb6hnlich: 100 % \xe2\x98\x83\n";
  const auto failed = call(*connection, "Fail", text, nullptr, with_code);
  EXPECT_EQ(failed.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(failed.error_message(), text);
  EXPECT_EQ(call(*connection, "Nothing", "").error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(GrpcCppTest, DeadlineAndCancellation) {
  const auto connection = channel();
  grpc::ClientContext hurried;
  hurried.set_deadline(std::chrono::system_clock::now() + 50ms);
  EXPECT_EQ(call(*connection, "Hold", "", nullptr, hurried).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(handler_.wait_for_cancelled(1));
  grpc::ClientContext cancelled;
  std::thread canceller([&] {
    EXPECT_TRUE(handler_.wait_for_held(1));
    cancelled.TryCancel();
  });
  EXPECT_EQ(call(*connection, "Hold", "", nullptr, cancelled).error_code(), grpc::StatusCode::CANCELLED);
  canceller.join();
  EXPECT_TRUE(handler_.wait_for_cancelled(2));
}

TEST_F(GrpcCppTest, HundredCallsAtOnceOnOneConnection) {
  const auto connection = channel();
  std::vector<std::thread> threads;
  for (int i = 0; i < 100; ++i) {
    threads.emplace_back([&connection, i] {
      const std::string message(static_cast<std::size_t>(i) * 500, static_cast<char>('a' + i % 26));
      std::string reply;
      EXPECT_TRUE(call(*connection, i % 2 == 0 ? "Unary" : "Later", message, &reply).ok());
      EXPECT_EQ(reply, message);
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST_F(GrpcCppTest, FourConnections) {
  std::vector<std::thread> threads;
  for (int index = 0; index < 4; ++index) {
    threads.emplace_back([this, index] {
      const auto connection = channel();
      for (int i = 0; i < 100; ++i) {
        const std::string message(i % 10 == 0 ? 602'112 : 100, static_cast<char>('a' + index));
        std::string reply;
        EXPECT_TRUE(call(*connection, "Unary", message, &reply).ok());
        EXPECT_TRUE(reply == message);
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST_F(GrpcCppTest, BidirectionalStream) {
  const auto connection = channel();
  grpc::GenericStub stub(connection);
  std::deque<std::string> messages;
  for (int i = 0; i < 300; ++i)
    messages.emplace_back(i % 50 == 0 ? 602'112 : static_cast<std::size_t>(i), static_cast<char>('a' + i % 26));
  const std::vector<std::string> expected(messages.begin(), messages.end());
  EchoReactor reactor(stub, messages);
  const auto status = reactor.wait();
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(reactor.replies == expected);
}

}  // namespace
}  // namespace ocelli::transport
