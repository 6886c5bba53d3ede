#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "transport/http/body_inflater.hpp"
#include "transport/http/http_fixture.hpp"

namespace ocelli::transport {
namespace {

using testing::HasSubstr;

constexpr int kGzip = 15 + 16;
constexpr int kZlib = 15;
constexpr int kRaw = -15;

std::string compressed(std::string_view text, int format) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, format, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string decompressed(std::string_view bytes, int format) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, format), Z_OK);
  std::string out(std::size_t{64} << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

std::string post(std::string_view body, std::string_view headers) {
  return "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(headers) + "\r\n" + std::string(body);
}

std::string sample() {
  std::string text;
  for (int i = 0; i < 500000; ++i) text += std::to_string(i % 977) + ",";
  return text;
}

TEST_F(HttpServerTest, CompressedRequestBodies) {
  serve();
  RawClient client(port());
  const auto text = sample();
  EXPECT_EQ(
      client
          .exchange(post(compressed(text, kGzip), "Content-Encoding: gzip\r\nInference-Header-Content-Length: 33\r\n"))
          .body,
      text);
  EXPECT_TRUE(handler_.tensor_was_aligned());
  EXPECT_EQ(client.exchange(post(compressed(text, kZlib), "Content-Encoding: deflate\r\n")).body, text);
  EXPECT_EQ(client.exchange(post(compressed(text, kRaw), "Content-Encoding: deflate\r\n")).body, text);
  EXPECT_EQ(
      client.exchange(post(compressed("one", kGzip) + compressed("two", kGzip), "Content-Encoding: gzip\r\n")).body,
      "onetwo");
  EXPECT_EQ(client.exchange(post(compressed("", kGzip), "Content-Encoding: gzip\r\n")).body, "");
  EXPECT_EQ(client.exchange(post("plain", "Content-Encoding: identity\r\n")).body, "plain");
}

TEST_F(HttpServerTest, CompressedRequestBodiesThatAreNot) {
  options_.limits.max_body_bytes = 1000000;
  serve();
  RawClient client(port());
  auto reply = client.exchange(post("this is no gzip", "Content-Encoding: gzip\r\n"));
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.body, HasSubstr("not in the coding"));
  const auto whole = compressed(sample().substr(0, 5000), kGzip);
  for (const std::size_t size : {1U, 5U, 12U, 100U}) {
    reply = client.exchange(post(whole.substr(0, size), "Content-Encoding: gzip\r\n"));
    EXPECT_EQ(reply.status, 400) << size;
    EXPECT_THAT(reply.body, HasSubstr("cut off")) << size;
  }
  auto broken = whole;
  broken[broken.size() - 6] = static_cast<char>(broken[broken.size() - 6] ^ 1);  // its checksum
  EXPECT_EQ(client.exchange(post(broken, "Content-Encoding: gzip\r\n")).status, 400);
  EXPECT_EQ(client.exchange(post(compressed("x", kZlib) + "more", "Content-Encoding: deflate\r\n")).status, 400);
  reply = client.exchange(post(compressed(std::string(1000001, 'a'), kGzip), "Content-Encoding: gzip\r\n"));
  EXPECT_EQ(reply.status, 413);
  EXPECT_THAT(reply.body, HasSubstr("Limit: 1000000 bytes"));
  EXPECT_EQ(
      client.exchange(post(compressed(std::string(1000000, 'a'), kGzip), "Content-Encoding: gzip\r\n")).body.size(),
      1000000U);
  EXPECT_EQ(client.exchange("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Encoding: br\r\n\r\nx").status,
            415);
}

TEST_F(HttpServerTest, DecompressedBodiesCountAsMemoryWhileTheyGrow) {
  options_.max_total_bytes = 4000000;
  serve();
  RawClient client(port());
  const auto reply = client.exchange(post(compressed(std::string(5000000, 'a'), kGzip), "Content-Encoding: gzip\r\n"));
  EXPECT_EQ(reply.status, 429);
  EXPECT_THAT(reply.body, HasSubstr("Too many request bodies are in memory. Limit: 4000000 bytes"));
  RawClient next(port());
  EXPECT_EQ(next.exchange(post(compressed(std::string(3000000, 'a'), kGzip), "Content-Encoding: gzip\r\n")).body.size(),
            3000000U)
      << "what the refused body held was given back";
}

TEST_F(HttpServerTest, RepliesAreCompressedForThoseWhoWant) {
  serve();
  RawClient client(port());
  const auto get = [&](std::string_view size, std::string_view accept) {
    return client.exchange("GET /size?" + std::string(size) + " HTTP/1.1\r\nHost: h\r\n" + std::string(accept) +
                           "\r\n");
  };
  EXPECT_EQ(get("100000", "").headers.count("content-encoding"), 0U);
  auto reply = get("100000", "Accept-Encoding: gzip, deflate, br\r\n");
  EXPECT_EQ(reply.headers.at("content-encoding"), "gzip");
  EXPECT_EQ(reply.headers.at("vary"), "Accept-Encoding");
  EXPECT_LT(reply.body.size(), 2000U);
  EXPECT_EQ(decompressed(reply.body, kGzip), std::string(100000, 'x'));
  reply = get("100000", "Accept-Encoding: deflate\r\n");
  EXPECT_EQ(reply.headers.at("content-encoding"), "deflate");
  EXPECT_EQ(decompressed(reply.body, kZlib), std::string(100000, 'x'));
  EXPECT_EQ(get("1000", "Accept-Encoding: gzip, deflate\r\n").headers.count("content-encoding"), 0U)
      << "too small to pay";
  EXPECT_EQ(get("1000", "Accept-Encoding: gzip\r\n").headers.at("content-encoding"), "gzip") << "asked for expressly";
}

TEST(BodyInflater, ABombIsEndedInSmallSteps) {
  BufferPool pool;
  const auto bomb = compressed(std::string(std::size_t{64} << 20, '\0'), kGzip);
  ASSERT_LT(bomb.size(), 100000U);
  BodyInflater inflater(ContentCoding::kGzip, std::as_bytes(std::span(bomb)), {}, 0, std::size_t{32} << 20, pool);
  int steps = 0;
  auto progress = BodyInflater::Progress::kMore;
  while (progress == BodyInflater::Progress::kMore) {
    progress = inflater.step();
    ++steps;
  }
  EXPECT_EQ(progress, BodyInflater::Progress::kFailed);
  EXPECT_EQ(inflater.status().code(), StatusCode::kPayloadTooLarge);
  EXPECT_GE(steps, 32);
}

}  // namespace
}  // namespace ocelli::transport
