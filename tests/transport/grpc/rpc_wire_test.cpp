#include "transport/grpc/rpc_wire.hpp"

#include <gtest/gtest.h>

#include "transport/grpc/rpc_headers.hpp"

namespace ocelli::transport {
namespace {

using namespace std::chrono_literals;

TEST(RpcWire, PrefixCarriesFlagAndBigEndianLength) {
  const auto prefix = make_message_prefix(true, 0x01020304);
  EXPECT_EQ(prefix, (MessagePrefix{std::byte{1}, std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}}));
  EXPECT_EQ(message_length(prefix), 0x01020304U);
  EXPECT_EQ(message_length(make_message_prefix(false, 0xffffffffU)), 0xffffffffU);
}

TEST(RpcWire, TimeoutsInAllUnits) {
  EXPECT_EQ(parse_grpc_timeout("2H"), 2h);
  EXPECT_EQ(parse_grpc_timeout("3M"), 3min);
  EXPECT_EQ(parse_grpc_timeout("4S"), 4s);
  EXPECT_EQ(parse_grpc_timeout("5m"), 5ms);
  EXPECT_EQ(parse_grpc_timeout("6u"), 6us);
  EXPECT_EQ(parse_grpc_timeout("7n"), 7ns);
  EXPECT_EQ(parse_grpc_timeout("0n"), 0ns);
  EXPECT_EQ(parse_grpc_timeout("99999999m"), 99'999'999ms);
}

TEST(RpcWire, TimeoutBeyondACenturyDoesNotOverflow) {
  const auto longest = parse_grpc_timeout("99999999H");
  ASSERT_TRUE(longest);
  EXPECT_GT(*longest, 24h * 365 * 99);
  EXPECT_GT(Clock::now() + *longest, Clock::now());
}

TEST(RpcWire, MalformedTimeoutsAreRefused) {
  for (const auto* text : {"", "m", "5", "5s", "123456789m", "-1m", "1.5S", " 1S", "+1S", "0x1S"})
    EXPECT_FALSE(parse_grpc_timeout(text)) << text;
}

TEST(RpcWire, FormattedTimeoutIsNeverShorter) {
  for (const Duration timeout : {Duration(0), Duration(1ns), Duration(99'999'999ns), Duration(100'000'000ns),
                                 Duration(1234567891ns), Duration(90min), Duration(48h)}) {
    const auto text = format_grpc_timeout(timeout);
    const auto parsed = parse_grpc_timeout(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_GE(*parsed, timeout) << text;
    EXPECT_LE(*parsed, timeout + timeout / 50) << text;
  }
  EXPECT_EQ(format_grpc_timeout(-5s), "0n");
}

TEST(RpcWire, MessagesArePercentEncoded) {
  EXPECT_EQ(percent_encode("plain text, 100%"), "plain text, 100%25");
  EXPECT_EQ(percent_encode("\xc3\xa9\n"), "%C3%A9%0A");
  EXPECT_EQ(percent_decode("%C3%A9%0a%zz%4"), "\xc3\xa9\n%zz%4");
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
}

TEST(RpcWire, LongMessagesAreCutAtACharacter) {
  std::string text;
  while (text.size() < kMaxEncodedMessage) text += "\xe2\x98\x83";  // three bytes each, nine when encoded
  const auto encoded = percent_encode(text);
  EXPECT_LE(encoded.size(), kMaxEncodedMessage);
  EXPECT_GT(encoded.size(), kMaxEncodedMessage - 9);
  EXPECT_EQ(encoded.size() % 9, 0U);
}

TEST(RpcWire, Encodings) {
  EXPECT_EQ(rpc_encoding_from("gzip"), RpcEncoding::kGzip);
  EXPECT_EQ(rpc_encoding_from("deflate"), RpcEncoding::kDeflate);
  EXPECT_EQ(rpc_encoding_from("identity"), RpcEncoding::kIdentity);
  EXPECT_FALSE(rpc_encoding_from("br"));
  EXPECT_TRUE(accepts_encoding("identity, deflate,gzip", RpcEncoding::kGzip));
  EXPECT_TRUE(accepts_encoding("identity, deflate,gzip", RpcEncoding::kDeflate));
  EXPECT_FALSE(accepts_encoding("gzipped,xgzip", RpcEncoding::kGzip));
  EXPECT_FALSE(accepts_encoding("", RpcEncoding::kGzip));
  EXPECT_TRUE(accepts_encoding("", RpcEncoding::kIdentity));
}

TEST(RpcHeaders, AnIdleCallKeepsWhatUsualHeadersNeed) {
  RpcHeaders headers;
  headers.add(":path", "/inference.GRPCInferenceService/ModelInfer");
  headers.add("x-large", std::string(30'000, 'v'));
  EXPECT_EQ(headers.find("x-large")->size(), 30'000U);
  headers.clear();
  EXPECT_EQ(headers.count(), 0U);
  EXPECT_LE(headers.memory_bytes(), RpcHeaders::kKeptTextBytes);
}

TEST(RpcWire, ContentTypes) {
  EXPECT_TRUE(is_grpc_content_type("application/grpc"));
  EXPECT_TRUE(is_grpc_content_type("application/grpc+proto"));
  EXPECT_TRUE(is_grpc_content_type("application/grpc;charset=utf-8"));
  EXPECT_FALSE(is_grpc_content_type("application/grpc-web"));
  EXPECT_FALSE(is_grpc_content_type("application/json"));
  EXPECT_FALSE(is_grpc_content_type(""));
}

}  // namespace
}  // namespace ocelli::transport
