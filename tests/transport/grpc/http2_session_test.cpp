#include "transport/grpc/http2_session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "transport/grpc/rpc_echo.hpp"
#include "transport/grpc/session_harness.hpp"

namespace ocelli::transport {
namespace {

using namespace std::chrono_literals;
using namespace ocelli::test;
using testing::HasSubstr;

// A client that can take a gigabyte at once.
std::string hello() {
  return std::string(kPreface) +
         frame(NGHTTP2_SETTINGS, 0, 0, big_endian(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 2) + big_endian(1 << 30, 4)) +
         frame(NGHTTP2_WINDOW_UPDATE, 0, 0, big_endian(1 << 30, 4)) + frame(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, "");
}

// A gzipped message with its prefix.
std::string compressed_message(const std::string& text) {
  BufferPool pool;
  ReplyBody body;
  body.text() = text;
  const auto packed = deflate_message(RpcEncoding::kGzip, body, pool);
  EXPECT_TRUE(packed.ok());
  const auto prefix = make_message_prefix(true, static_cast<std::uint32_t>(packed->bytes.size()));
  std::string wire(reinterpret_cast<const char*>(prefix.data()), prefix.size());
  return wire.append(reinterpret_cast<const char*>(packed->bytes.data()), packed->bytes.size());
}

class Http2SessionTest : public testing::Test {
 protected:
  SessionHarness& open(const RpcOptions& options = {}) {
    harness_.emplace(options, handler_);
    harness_->send(hello());
    return *harness_;
  }
  void expect_status(std::uint32_t stream, int code, const std::string& text) {
    const auto& answer = harness_->answer(stream);
    EXPECT_TRUE(answer.ended);
    ASSERT_EQ(answer.headers.count("grpc-status"), 1U);
    EXPECT_EQ(answer.headers.at("grpc-status"), std::to_string(code));
    const auto message = answer.headers.find("grpc-message");
    EXPECT_THAT(message == answer.headers.end() ? "" : message->second, HasSubstr(text));
  }

  // The calls that the handler holds are answered.
  void release() {
    handler_.release_held();
    harness_->drain();
  }

  EchoHandler handler_;
  std::optional<SessionHarness> harness_;
};

TEST_F(Http2SessionTest, AnswersAUnaryCallHoweverItIsCutUp) {
  const std::string message(100'000, 'm');
  for (const std::size_t piece :
       {std::size_t{1}, std::size_t{3}, std::size_t{10}, std::size_t{5000}, std::size_t{1'000'000}}) {
    auto& session = open();
    session.send(unary_call(1, "Unary", message), piece);
    expect_status(1, 0, "");
    EXPECT_EQ(session.answer(1).headers.at(":status"), "200");
    EXPECT_EQ(session.answer(1).headers.at("content-type"), "application/grpc");
    EXPECT_TRUE(session.answer(1).data == grpc_message(message)) << piece;
    EXPECT_EQ(session.context().budget->taken(), 0U);
  }
}

TEST_F(Http2SessionTest, HalfCloseMayComeLateOrNever) {
  auto& session = open();
  session.send(headers_frame(1, call_headers("Unary")) + data_frame(1, grpc_message("x")));
  expect_status(1, 0, "");
  EXPECT_TRUE(session.answer(1).reset);  // told to stop sending
  session.send(headers_frame(3, call_headers("Hold")) + data_frame(3, grpc_message("x")) + data_frame(3, "", true));
  EXPECT_FALSE(session.answer(3).ended);
  release();
  expect_status(3, 0, "");
}

TEST_F(Http2SessionTest, BrokenRequestsAreTheClientsFault) {
  auto& session = open();
  session.send(headers_frame(1, call_headers("Unary"), true));
  expect_status(1, 3, "without a request message");
  session.send(headers_frame(3, call_headers("Unary")) + data_frame(3, grpc_message("abc").substr(0, 6), true));
  expect_status(3, 3, "within a request message");
  session.send(headers_frame(5, call_headers("Hold")) + data_frame(5, grpc_message("a") + grpc_message("b"), true));
  expect_status(5, 3, "one request message");
  session.send(unary_call(7, "Unary", "x", {{"grpc-timeout", "5 s"}}));
  expect_status(7, 3, "grpc-timeout is \"5 s\"");
  session.send(unary_call(9, "Unary", "x", {{"grpc-encoding", "snappy"}}));
  expect_status(9, 12, "grpc-encoding \"snappy\" is not supported");
  EXPECT_EQ(session.answer(9).headers.at("grpc-accept-encoding"), "identity,gzip,deflate");
  session.send(headers_frame(11, call_headers("Unary")) + data_frame(11, grpc_message("x", true), true));
  expect_status(11, 3, "compressed");
  session.send(unary_call(13, "Nothing", "x"));
  expect_status(13, 12, "Method is not offered: /test.Echo/Nothing");
  session.send(unary_call(15, "Unary", "still fine"));
  expect_status(15, 0, "");
}

TEST_F(Http2SessionTest, WhatIsNotGrpcGetsAnHttpStatus) {
  auto& session = open();
  HeaderList get{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "test"}};
  session.send(headers_frame(1, get, true));
  EXPECT_EQ(session.answer(1).headers.at(":status"), "405");
  HeaderList json{{":method", "POST"},
                  {":scheme", "http"},
                  {":path", "/"},
                  {":authority", "test"},
                  {"content-type", "application/json"}};
  session.send(headers_frame(3, json) + data_frame(3, "{}", true));
  EXPECT_EQ(session.answer(3).headers.at(":status"), "415");
  EXPECT_TRUE(session.answer(3).ended);
}

TEST_F(Http2SessionTest, DeadlineEndsTheCallAndTellsTheHandler) {
  auto& session = open();
  session.send(unary_call(1, "Hold", "x", {{"grpc-timeout", "100m"}}));
  session.advance(99ms);
  EXPECT_FALSE(session.answer(1).ended);
  session.advance(1ms);
  expect_status(1, 4, "deadline");
  EXPECT_TRUE(handler_.wait_for_cancelled(1));
  session.send(unary_call(3, "Hold", "x", {{"grpc-timeout", "0n"}}));
  session.advance(0ms);
  expect_status(3, 4, "deadline");
}

TEST_F(Http2SessionTest, ResetAndLossCancel) {
  auto& session = open();
  session.send(unary_call(1, "Hold", "x") + unary_call(3, "Hold", "x") + headers_frame(5, call_headers("Stream")));
  session.send(rst_frame(1));
  EXPECT_TRUE(handler_.wait_for_cancelled(1));
  session.session().lost();
  EXPECT_TRUE(handler_.wait_for_cancelled(3));
}

TEST_F(Http2SessionTest, CallsFinishedByOtherThreadsWaitForDrain) {
  auto& session = open();
  session.send(unary_call(1, "Later", "one"));
  const auto until = Clock::now() + 20s;
  while (!session.woken() && Clock::now() < until) std::this_thread::yield();
  ASSERT_TRUE(session.woken());
  EXPECT_FALSE(session.answer(1).ended);
  session.drain();
  expect_status(1, 0, "");
  EXPECT_EQ(session.answer(1).data, grpc_message("one"));
}

TEST_F(Http2SessionTest, TooManyHeadersAndTooLargeMessages) {
  RpcOptions options;
  options.limits.max_header_bytes = 1000;
  options.limits.max_body_bytes = 100;
  auto& session = open(options);
  session.send(headers_frame(1, call_headers("Unary", {{"x-large", std::string(1000, 'v')}})) +
               data_frame(1, grpc_message("x"), true));
  expect_status(1, 8, "metadata is too large");
  session.send(headers_frame(3, call_headers("Unary")) + data_frame(3, grpc_message(std::string(101, 'x')), true));
  expect_status(3, 8, "101 bytes; at most 100");
  session.send(unary_call(5, "Unary", std::string(100, 'x')));
  expect_status(5, 0, "");
}

TEST_F(Http2SessionTest, MemoryOfAConnectionAndOfTheServerIsBounded) {
  RpcOptions options;
  options.max_connection_bytes = 10'000;
  options.max_total_bytes = 4'000;
  auto& session = open(options);
  session.send(headers_frame(1, call_headers("Unary")) +
               data_frame(1, grpc_message(std::string(6'000, 'x')).substr(0, 100)));
  session.send(headers_frame(3, call_headers("Unary")) +
               data_frame(3, grpc_message(std::string(6'000, 'x')).substr(0, 100)));
  expect_status(3, 8, "the requests of this connection need 12000 bytes; at most 10000");
  session.send(unary_call(5, "Hold", std::string(3'000, 'x')));
  session.send(unary_call(7, "Unary", std::string(990, 'x')));
  expect_status(7, 8, "Too many request bodies are in memory. Limit: 4000 bytes; In use: 3");
  expect_status(7, 8, "or start the server with a larger --grpc_memory_quota");
  release();
  session.send(data_frame(1, grpc_message(std::string(6'000, 'x')).substr(100, 1'000)));
  session.send(rst_frame(1));
  EXPECT_EQ(session.context().budget->taken(), 0U);
  session.send(unary_call(9, "Unary", std::string(2'000, 'x')));
  expect_status(9, 0, "");
}

TEST_F(Http2SessionTest, MessagesOfStreamsCountForAsLongAsTheyAreKept) {
  RpcOptions options;
  options.max_total_bytes = 10'000;
  auto& session = open(options);
  const auto message = grpc_message(std::string(4'000, 'x'));
  session.send(headers_frame(1, call_headers("Keep")) + data_frame(1, message) + data_frame(1, message));
  EXPECT_GE(session.context().budget->taken(), 8'000U);
  session.send(headers_frame(3, call_headers("Keep")) + data_frame(3, message));
  expect_status(3, 8, "Too many request bodies are in memory. Limit: 10000 bytes; In use: 8");
  session.send(data_frame(1, "", true));  // the client has ended: the handler lets go
  expect_status(1, 0, "");
  EXPECT_EQ(session.context().budget->taken(), 0U);
  session.send(headers_frame(5, call_headers("Stream")));
  for (int i = 0; i < 10; ++i) session.send(data_frame(5, message));
  EXPECT_EQ(session.answer(5).data.size(), 10 * message.size()) << "what is not kept does not add up";
  session.send(rst_frame(5));
  EXPECT_EQ(session.context().budget->taken(), 0U);
}

TEST_F(Http2SessionTest, StreamsOfOneConnectionShareItsBound) {
  RpcOptions options;
  options.max_connection_bytes = 10'000;
  options.max_total_bytes = 0;
  auto& session = open(options);
  const auto message = grpc_message(std::string(4'000, 'x'));
  session.send(headers_frame(1, call_headers("Keep")) + data_frame(1, message) + data_frame(1, message));
  session.send(data_frame(1, message));
  expect_status(1, 8, "the requests of this connection need 12000 bytes; at most 10000");
}

TEST_F(Http2SessionTest, CompressedMessagesCountByWhatTheyBecome) {
  RpcOptions options;
  options.max_total_bytes = 100'000;
  auto& session = open(options);
  session.send(headers_frame(1, call_headers("Unary", {{"grpc-encoding", "gzip"}})) +
               data_frame(1, compressed_message(std::string(1'000'000, '\0')), true));
  expect_status(1, 8, "Too many request bodies are in memory. Limit: 100000 bytes");
  EXPECT_EQ(session.context().budget->taken(), 0U);
  session.send(headers_frame(3, call_headers("Unary", {{"grpc-encoding", "gzip"}})) +
               data_frame(3, compressed_message(std::string(90'000, '\0')), true));
  expect_status(3, 0, "");
}

TEST_F(Http2SessionTest, SmallWindowsOfTheClientAreKept) {
  auto& session = open();
  session.send(
      frame(NGHTTP2_SETTINGS, 0, 0, big_endian(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 2) + big_endian(1000, 4)));
  session.send(unary_call(1, "Unary", std::string(5'000, 'x')));
  EXPECT_EQ(session.answer(1).data.size(), 1000U);
  session.send(frame(NGHTTP2_WINDOW_UPDATE, 0, 1, big_endian(2'000, 4)));
  EXPECT_EQ(session.answer(1).data.size(), 3000U);
  session.send(frame(NGHTTP2_WINDOW_UPDATE, 0, 1, big_endian(10'000, 4)));
  EXPECT_EQ(session.answer(1).data, grpc_message(std::string(5'000, 'x')));
  expect_status(1, 0, "");
}

TEST_F(Http2SessionTest, DeadlineWithinAReplyResetsTheStream) {
  auto& session = open();
  session.send(
      frame(NGHTTP2_SETTINGS, 0, 0, big_endian(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 2) + big_endian(1000, 4)));
  session.send(headers_frame(1, call_headers("Stream", {{"grpc-timeout", "1S"}})) +
               data_frame(1, grpc_message(std::string(5'000, 'x'))));
  EXPECT_EQ(session.answer(1).data.size(), 1000U);
  session.advance(1s);
  EXPECT_TRUE(session.answer(1).reset);
  EXPECT_TRUE(handler_.wait_for_cancelled(1));
}

TEST_F(Http2SessionTest, ClientThatNeverReadsItsRepliesIsCutOff) {
  RpcOptions options;
  options.limits.progress_timeout = 10s;
  auto& session = open(options);
  session.send(
      frame(NGHTTP2_SETTINGS, 0, 0, big_endian(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 2) + big_endian(1000, 4)));
  session.send(headers_frame(1, call_headers("Stream")) + data_frame(1, grpc_message(std::string(5'000, 'x'))));
  session.advance(9s);
  EXPECT_FALSE(session.answer(1).reset);
  session.advance(2s);
  EXPECT_TRUE(session.answer(1).reset);  // HTTP/2's window stayed shut
  EXPECT_TRUE(handler_.wait_for_cancelled(1));
  session.block(true);
  session.send(unary_call(3, "Unary", std::string(100'000, 'x')));
  EXPECT_FALSE(session.session().done());
  session.advance(11s);
  EXPECT_TRUE(session.session().done());  // the socket stayed shut
}

TEST_F(Http2SessionTest, RepliesThatPileUpEndTheCall) {
  RpcOptions options;
  options.max_waiting_reply_bytes = 1 << 20;
  auto& session = open(options);
  session.block(true);
  session.send(headers_frame(1, call_headers("Flood")) + data_frame(1, grpc_message("go")));
  session.advance(0s);
  EXPECT_TRUE(handler_.wait_for_cancelled(1));
  session.block(false);
  EXPECT_TRUE(session.answer(1).reset);
}

TEST_F(Http2SessionTest, SlowRequestsAreNotWaitedForForEver) {
  RpcOptions options;
  options.limits.progress_timeout = 10s;
  options.limits.min_body_bytes_per_second = 100;
  auto& session = open(options);
  session.send(headers_frame(1, call_headers("Unary")));
  session.advance(10s);
  expect_status(1, 4, "did not arrive in time");
  session.send(headers_frame(3, call_headers("Unary")));
  for (int i = 0; i < 40 && !session.answer(3).ended; ++i) {
    session.send(data_frame(3, grpc_message(std::string(10'000, 'x')).substr(static_cast<std::size_t>(i), 1)));
    session.advance(1s);
  }
  expect_status(3, 4, "did not arrive in time");  // one byte a second
}

TEST_F(Http2SessionTest, StreamsMayPauseBetweenMessagesButNotWithin) {
  RpcOptions options;
  options.limits.progress_timeout = 10s;
  auto& session = open(options);
  session.send(headers_frame(1, call_headers("Stream")) + data_frame(1, grpc_message("first")));
  session.advance(1h);
  session.send(data_frame(1, grpc_message("second").substr(0, 8)));
  EXPECT_FALSE(session.answer(1).ended);
  session.advance(10s);
  EXPECT_EQ(session.answer(1).data, grpc_message("first"));
  expect_status(1, 4, "did not arrive in time");
  EXPECT_TRUE(handler_.wait_for_cancelled(1));
}

TEST_F(Http2SessionTest, IdleConnectionsGoAway) {
  RpcOptions options;
  options.limits.idle_timeout = 60s;
  auto& session = open(options);
  session.advance(50s);
  session.send(unary_call(1, "Unary", "x"));
  session.advance(59s);
  EXPECT_EQ(session.answers().goaways, 0);
  session.advance(1s);
  EXPECT_EQ(session.answers().goaways, 1);
  session.advance(1s);  // no answer to the PING: the last GOAWAY is sent anyway
  EXPECT_EQ(session.answers().goaways, 2);
  EXPECT_TRUE(session.session().done());
}

TEST_F(Http2SessionTest, ShortTimesHoldForConnectionsWithoutAnyCallToo) {
  RpcOptions options;
  options.limits.idle_timeout = 5s;
  auto& idle = open(options);
  idle.advance(5s);
  EXPECT_EQ(idle.answers().goaways, 1);
}

TEST_F(Http2SessionTest, SilentClientsAreDropped) {
  SessionHarness silent({}, handler_);
  silent.advance(RpcOptions().limits.header_timeout);
  EXPECT_TRUE(silent.session().done());
  EXPECT_EQ(silent.answers().goaways, 1);
}

TEST_F(Http2SessionTest, KeepaliveFindsDeadPeers) {
  RpcOptions options;
  options.keepalive_interval = 30s;
  options.keepalive_timeout = 5s;
  auto& session = open(options);
  session.advance(30s);
  EXPECT_EQ(session.answers().pings, 1);
  session.send(frame(NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, std::string(8, '\0')));
  session.advance(30s);
  EXPECT_EQ(session.answers().pings, 2);
  session.advance(5s);
  EXPECT_TRUE(session.session().done());
}

TEST_F(Http2SessionTest, GracefulStopLetsCallsEnd) {
  auto& session = open();
  session.send(unary_call(1, "Hold", "x"));
  session.session().shut_down(session.now());
  session.send(frame(NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, std::string(8, '\0')));
  EXPECT_EQ(session.answers().goaways, 2);
  EXPECT_FALSE(session.session().done());
  release();
  expect_status(1, 0, "");
  EXPECT_TRUE(session.session().done());
}

TEST_F(Http2SessionTest, FloodsEndTheConnection) {
  const std::string ping = frame(NGHTTP2_PING, 0, 0, std::string(8, 'p'));
  const std::string settings = frame(NGHTTP2_SETTINGS, 0, 0, "");
  const std::string priority = frame(NGHTTP2_PRIORITY, 0, 1, big_endian(3, 4) + '\x10');
  const std::string empty = data_frame(1, "");
  for (const auto& [name, unit] :
       {std::pair{"ping", ping}, {"settings", settings}, {"priority", priority}, {"empty data", empty}}) {
    auto& session = open();
    if (unit == empty) session.send(headers_frame(1, call_headers("Unary")));
    std::string flood;
    for (int i = 0; i < 20'000; ++i) flood += unit;
    session.send(flood, 10'000);
    EXPECT_TRUE(session.session().done()) << name;
    EXPECT_EQ(session.answers().goaway_code, NGHTTP2_ENHANCE_YOUR_CALM) << name;
  }
}

// A byte of a header block may stand for a field of 4000, so that a few frames were work for seconds.
TEST_F(Http2SessionTest, FieldsThatAreOnlyReferredToCountWithAllTheirBytes) {
  constexpr auto kNewestEntry = static_cast<char>(0x80 | 62);  // RFC 7541, section 6.1
  std::string field = header_block({{"x-large", std::string(4'000, 'v')}});
  field[0] = 0x40;  // is kept for later references
  const std::string call = header_block(call_headers("Hold"));
  for (const bool trailers : {false, true}) {
    auto& session = open();
    // A call that is open, and the metadata before or behind its message.
    const auto send = [&](std::uint32_t stream, std::size_t references) {
      if (trailers) session.send(headers_frame(stream, call_headers("Hold")) + data_frame(stream, grpc_message("x")));
      session.send(frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, stream,
                         (trailers ? "" : call) + field + std::string(references, kNewestEntry)));
    };
    send(1, 10);
    EXPECT_FALSE(session.session().done());
    if (!trailers) expect_status(1, 8, "metadata is too large");
    send(3, 100);
    EXPECT_TRUE(session.session().done());
    EXPECT_EQ(session.answers().goaway_code, NGHTTP2_ENHANCE_YOUR_CALM) << (trailers ? "trailers" : "headers");
    release();
  }
}

TEST_F(Http2SessionTest, RapidResetEndsTheConnection) {
  auto& session = open();
  std::uint32_t stream = 1;
  for (; stream < 40'000 && !session.session().done(); stream += 2)
    session.send(unary_call(stream, "Hold", "x") + rst_frame(stream));
  EXPECT_TRUE(session.session().done());
  EXPECT_LT(stream, 10'000U);
}

// Clients with short deadlines cancel many calls, also when as many are answered in time.
TEST_F(Http2SessionTest, CancelledCallsBetweenAnsweredOnesAreNoFlood) {
  auto& session = open();
  std::uint32_t stream = 1;
  for (int i = 0; i < 3'000 && !session.session().done(); ++i, stream += 4) {
    session.send(unary_call(stream, "Small", "x") + unary_call(stream + 2, "Hold", "x") + rst_frame(stream + 2));
    session.answers().answers.clear();
  }
  EXPECT_FALSE(session.session().done()) << "after " << stream / 4 << " of each";
}

TEST_F(Http2SessionTest, HonestTrafficIsNotTakenForAFlood) {
  auto& session = open();
  std::uint32_t stream = 1;
  for (int i = 0; i < 30'000; ++i, stream += 2) {
    session.send(unary_call(stream, "Small", "x") + frame(NGHTTP2_PING, 0, 0, std::string(8, 'p')) +
                 frame(NGHTTP2_WINDOW_UPDATE, 0, 0, big_endian(30, 4)));
    session.answers().answers.clear();
  }
  EXPECT_FALSE(session.session().done());
  session.send(headers_frame(stream, call_headers("Stream")));
  for (int i = 0; i < 30'000; ++i) session.send(data_frame(stream, grpc_message("")));
  EXPECT_EQ(session.answer(stream).data.size(), 30'000 * 5U);
}

TEST_F(Http2SessionTest, StreamsOverTheLimitAreRefused) {
  RpcOptions options;
  options.max_streams = 4;
  auto& session = open(options);
  for (std::uint32_t stream = 1; stream < 11; stream += 2) session.send(unary_call(stream, "Hold", "x"));
  EXPECT_TRUE(session.answer(9).reset || session.session().done());
  EXPECT_TRUE(handler_.wait_for_held(4));
  release();
}

TEST_F(Http2SessionTest, GarbageNeverCrashes) {
  std::mt19937 random(7);
  for (int round = 0; round < 3'000; ++round) {
    auto& session = open();
    std::string bytes = headers_frame(1, call_headers(round % 2 != 0 ? "Stream" : "Unary")) +
                        data_frame(1, grpc_message(std::string(300, 'x'))) + unary_call(3, "Later", "abc") +
                        frame(NGHTTP2_SETTINGS, 0, 0, big_endian(4, 2) + big_endian(100, 4)) + rst_frame(1);
    for (int flips = 0; flips < 4; ++flips) bytes[random() % bytes.size()] = static_cast<char>(random());
    session.send(bytes, 1 + random() % 200);
  }
}

}  // namespace
}  // namespace ocelli::transport
