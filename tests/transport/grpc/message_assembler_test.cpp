#include "transport/grpc/message_assembler.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string>

namespace ocelli::transport {
namespace {

std::vector<std::byte> pattern(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 251);
  return bytes;
}

std::vector<std::byte> framed(std::span<const std::byte> message, bool compressed = false) {
  const auto prefix = make_message_prefix(compressed, static_cast<std::uint32_t>(message.size()));
  std::vector<std::byte> bytes(prefix.size() + message.size());
  std::copy(message.begin(), message.end(), std::copy(prefix.begin(), prefix.end(), bytes.begin()));
  return bytes;
}

// Compressed by zlib directly; window as in deflateInit2.
std::vector<std::byte> zipped(std::span<const std::byte> bytes, int window) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::vector<std::byte> out(deflateBound(&stream, bytes.size()));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

class MessageAssemblerTest : public testing::Test {
 protected:
  // Feeds all bytes in pieces of that size; the messages that came out.
  std::vector<OwnedBytes> feed(std::span<const std::byte> bytes, std::size_t piece) {
    std::vector<OwnedBytes> messages;
    while (!bytes.empty()) {
      auto part = bytes.first(std::min(piece, bytes.size()));
      bytes = bytes.subspan(part.size());
      while (!part.empty()) {
        const auto fed = assembler_.feed(part);
        if (!fed.ok()) {
          status_ = fed.status();
          return messages;
        }
        part = part.subspan(*fed);
        if (!assembler_.complete()) continue;
        auto message = assembler_.take();
        if (!message.ok()) {
          status_ = message.status();
          return messages;
        }
        messages.push_back(std::move(*message));
      }
    }
    return messages;
  }

  RpcOptions options_;
  BufferPool pool_;
  ByteCharge charge_;
  std::size_t bulk_ = 0;
  std::size_t asked_ = 0;       // how often the bulk was asked for
  std::size_t head_bytes_ = 0;  // how much the last question showed
  MessageAssembler assembler_{options_, pool_,
                              [this](std::span<const std::byte> head) {
                                ++asked_;
                                head_bytes_ = head.size();
                                return bulk_;
                              },
                              &charge_};
  Status status_;
};

TEST_F(MessageAssemblerTest, AnyFragmentationGivesTheSameMessages) {
  std::vector<std::byte> wire;
  const std::vector<std::size_t> sizes{0, 1, 5, 4095, 4096, 4097, 70'000, 0, 3};
  for (const auto size : sizes) {
    const auto one = framed(pattern(size));
    wire.insert(wire.end(), one.begin(), one.end());
  }
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{4}, std::size_t{5}, std::size_t{6},
                                  std::size_t{1000}, std::size_t{4101}, wire.size()}) {
    assembler_.reset(RpcEncoding::kIdentity);
    const auto messages = feed(wire, piece);
    ASSERT_EQ(messages.size(), sizes.size()) << piece << ' ' << status_.to_string();
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      const auto expected = pattern(sizes[i]);
      EXPECT_TRUE(std::equal(expected.begin(), expected.end(), messages[i].bytes.begin(), messages[i].bytes.end()))
          << piece << ' ' << i;
    }
    EXPECT_TRUE(assembler_.at_boundary());
  }
}

TEST_F(MessageAssemblerTest, BulkIsAligned) {
  for (bulk_ = 0; bulk_ < 200; ++bulk_) {
    for (const std::size_t piece : {std::size_t{7}, std::size_t{100'000}}) {
      const auto messages = feed(framed(pattern(10'000)), piece);
      ASSERT_EQ(messages.size(), 1U);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(messages[0].bytes.data() + bulk_) % 64, 0U) << bulk_;
    }
  }
  EXPECT_EQ(asked_, 400U);
  EXPECT_GE(head_bytes_, 4096U);
}

TEST_F(MessageAssemblerTest, BytesReadInPlaceAreNotMoved) {
  const auto message = pattern(100'000);
  const auto wire = framed(message);
  ASSERT_TRUE(assembler_.feed(std::span(wire).first(50'000)).ok());
  const auto space = assembler_.space();
  ASSERT_EQ(space.size(), wire.size() - 50'000);
  std::copy(wire.begin() + 50'000, wire.end(), space.begin());
  const auto fed = assembler_.feed(space);
  ASSERT_TRUE(fed.ok());
  EXPECT_EQ(*fed, wire.size() - 50'000);
  const auto whole = assembler_.take();
  ASSERT_TRUE(whole.ok());
  EXPECT_TRUE(std::equal(message.begin(), message.end(), whole->bytes.begin(), whole->bytes.end()));
}

TEST_F(MessageAssemblerTest, LyingLengthIsRefusedOrNotTouched) {
  options_.limits.max_body_bytes = 1000;
  feed(make_message_prefix(false, 1001), 5);
  EXPECT_EQ(status_.code(), StatusCode::kPayloadTooLarge);
  EXPECT_EQ(status_.message(), "the request message has 1001 bytes; at most 1000 are accepted");
  assembler_.reset(RpcEncoding::kIdentity);
  options_.limits.max_body_bytes = std::size_t{1} << 30;
  const auto liar = make_message_prefix(false, 1U << 30);
  ASSERT_TRUE(assembler_.feed(liar).ok());
  EXPECT_EQ(assembler_.declared(), std::size_t{1} << 30);
  EXPECT_FALSE(assembler_.complete());
  EXPECT_TRUE(assembler_.space().empty());  // no buffer before the first bytes
}

TEST_F(MessageAssemblerTest, MalformedFlags) {
  feed(std::array{std::byte{2}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}}, 5);
  EXPECT_EQ(status_.message(), "a message begins with the compressed flag 2; expected 0 or 1");
  assembler_.reset(RpcEncoding::kIdentity);
  feed(make_message_prefix(true, 0), 5);
  EXPECT_EQ(status_.code(), StatusCode::kInvalidArgument);
}

TEST_F(MessageAssemblerTest, CompressedMessagesComeOutWholeAndAligned) {
  bulk_ = 21;
  for (const auto& [encoding, window] : {std::pair{RpcEncoding::kGzip, 31}, std::pair{RpcEncoding::kDeflate, 15}}) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{10}, std::size_t{5000}, std::size_t{3'000'000}}) {
      assembler_.reset(encoding);
      const auto message = pattern(size);
      const auto messages = feed(framed(zipped(message, window), true), 1000);
      ASSERT_EQ(messages.size(), 1U) << status_.to_string();
      EXPECT_TRUE(std::equal(message.begin(), message.end(), messages[0].bytes.begin(), messages[0].bytes.end()));
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(messages[0].bytes.data() + bulk_) % 64, 0U);
    }
  }
}

TEST_F(MessageAssemblerTest, BombsStopAtTheLimit) {
  options_.limits.max_body_bytes = 100'000;
  assembler_.reset(RpcEncoding::kGzip);
  EXPECT_EQ(feed(framed(zipped(std::vector<std::byte>(100'000), 31), true), 1000).size(), 1U);
  EXPECT_TRUE(status_.ok()) << status_.to_string();
  feed(framed(zipped(std::vector<std::byte>(100'001), 31), true), 1000);
  EXPECT_EQ(status_.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(status_.message(), "the decompressed message is longer than the limit of 100000 bytes");
}

TEST_F(MessageAssemblerTest, WhatComesOutIsChargedWhileItGrows) {
  const auto budget = std::make_shared<ByteBudget>(300'000, "--quota");
  for (const auto& [encoding, window] : {std::pair{RpcEncoding::kGzip, 31}, std::pair{RpcEncoding::kDeflate, 15}}) {
    assembler_.reset(encoding);
    charge_ = ByteCharge(budget);
    const auto small = framed(zipped(std::vector<std::byte>(100'000), window), true);
    ASSERT_TRUE(charge_.add(small.size() - kMessagePrefixBytes));
    EXPECT_EQ(feed(small, 1000).size(), 1U) << status_.to_string();
    EXPECT_EQ(budget->taken(), 100'000U);
    EXPECT_TRUE(feed(framed(zipped(std::vector<std::byte>(300'000), window), true), 1000).empty());
    EXPECT_EQ(status_.code(), StatusCode::kResourceExhausted);
    EXPECT_NE(status_.message().find("Limit: 300000 bytes"), std::string_view::npos) << status_.message();
    EXPECT_EQ(budget->taken(), 100'000U) << "what did not come out is given back";
  }
}

TEST_F(MessageAssemblerTest, GzipIsInflatedIntoOneBufferOfItsSize) {
  const auto message = std::vector<std::byte>(1'000'000, std::byte{7});
  const auto budget = std::make_shared<ByteBudget>(1'020'000);
  charge_ = ByteCharge(budget);
  assembler_.reset(RpcEncoding::kGzip);
  const auto packed = zipped(message, 31);
  ASSERT_TRUE(charge_.add(packed.size()));
  const auto messages = feed(framed(packed, true), 100'000);
  ASSERT_EQ(messages.size(), 1U) << status_.to_string();
  EXPECT_TRUE(std::equal(message.begin(), message.end(), messages[0].bytes.begin(), messages[0].bytes.end()));
  EXPECT_EQ(budget->taken(), 1'000'000U);
}

// So that no piece of it holds up its thread for longer than that piece is worth.
TEST_F(MessageAssemblerTest, IsInflatedAsItComes) {
  const auto packed = framed(zipped(std::vector<std::byte>(100'000'000), 31), true);
  assembler_.reset(RpcEncoding::kGzip);
  const auto half = packed.size() / 2;
  ASSERT_TRUE(assembler_.feed(std::span(packed).first(half)).ok());
  EXPECT_NEAR(static_cast<double>(assembler_.inflated()), 50e6, 1e6);
  EXPECT_EQ(assembler_.declared(), assembler_.inflated()) << "what counts is what has come out of it";
  EXPECT_EQ(charge_.bytes(), assembler_.inflated());
  EXPECT_FALSE(assembler_.complete());
  ASSERT_TRUE(assembler_.feed(std::span(packed).subspan(half)).ok());
  ASSERT_TRUE(assembler_.complete());
  EXPECT_EQ(assembler_.inflated(), 100'000'000U);
  const auto message = assembler_.take();
  ASSERT_TRUE(message.ok()) << message.status().to_string();
  EXPECT_EQ(message->bytes.size(), 100'000'000U);
  EXPECT_TRUE(std::ranges::all_of(message->bytes, [](std::byte byte) { return byte == std::byte{0}; }));
}

TEST_F(MessageAssemblerTest, WhatIsGivenUpHalfwayIsGivenBack) {
  const auto budget = std::make_shared<ByteBudget>(1'000'000);
  charge_ = ByteCharge(budget);
  const auto packed = framed(zipped(std::vector<std::byte>(500'000), 31), true);
  assembler_.reset(RpcEncoding::kGzip);
  ASSERT_TRUE(assembler_.feed(std::span(packed).first(packed.size() / 2)).ok());
  EXPECT_GT(budget->taken(), 100'000U);
  assembler_.reset(RpcEncoding::kIdentity);
  EXPECT_EQ(budget->taken(), 0U);
}

TEST_F(MessageAssemblerTest, ALieAboutTheInflatedSizeChangesNothing) {
  assembler_.reset(RpcEncoding::kGzip);
  for (const std::uint32_t lie : {0U, 5U, 0xFFFFFFFFU}) {
    auto bytes = zipped(pattern(50'000), 31);
    for (std::size_t i = 0; i < 4; ++i) bytes[bytes.size() - 4 + i] = static_cast<std::byte>(lie >> (8 * i));
    assembler_.reset(RpcEncoding::kGzip);
    EXPECT_TRUE(feed(framed(bytes, true), 1000).empty());
    EXPECT_EQ(status_.code(), StatusCode::kInvalidArgument) << lie;  // zlib compares it in the end
    EXPECT_EQ(charge_.bytes(), 0U);
  }
}

TEST_F(MessageAssemblerTest, BrokenCompression) {
  auto good = zipped(pattern(5000), 31);
  const auto expect_error = [&](std::span<const std::byte> bytes, std::string_view text) {
    assembler_.reset(RpcEncoding::kGzip);
    status_ = Status();
    EXPECT_TRUE(feed(framed(bytes, true), 1000).empty());
    EXPECT_EQ(status_.code(), StatusCode::kInvalidArgument);
    EXPECT_NE(status_.message().find(text), std::string_view::npos) << status_.message();
  };
  expect_error(std::span(good).first(good.size() - 9), "it is cut off");
  expect_error(pattern(0), "it is cut off");
  expect_error(pattern(100), "not valid gzip");
  good.push_back(std::byte{0});
  expect_error(good, "bytes follow its end");
}

TEST_F(MessageAssemblerTest, RepliesAreCompressedForZlib) {
  ReplyBody body;
  const auto piece = pattern(10'000);
  body.text() = "header";
  body.add(piece, {});
  body.add(piece, {});
  for (const auto encoding : {RpcEncoding::kGzip, RpcEncoding::kDeflate}) {
    const auto packed = deflate_message(encoding, body, pool_);
    ASSERT_TRUE(packed.ok());
    EXPECT_LT(packed->bytes.size(), body.size());
    std::vector<std::byte> out(body.size() + 1);
    z_stream stream{};
    ASSERT_EQ(inflateInit2(&stream, 15 + 32), Z_OK);  // +32: either format
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed->bytes.data()));
    stream.avail_in = static_cast<uInt>(packed->bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
    EXPECT_EQ(stream.total_out, body.size());
    EXPECT_EQ(std::memcmp(out.data(), "header", 6), 0);
    EXPECT_TRUE(std::equal(piece.begin(), piece.end(), out.begin() + 10'006));
    inflateEnd(&stream);
  }
}

}  // namespace
}  // namespace ocelli::transport
