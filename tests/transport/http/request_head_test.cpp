#include "transport/http/request_head.hpp"

#include <gtest/gtest.h>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <random>

#include "transport/http/chunk_decoder.hpp"

namespace ocelli::transport {
namespace {

RequestHead parsed(std::string_view text) {
  RequestHead head;
  const auto error = parse_head(text, 100, head);
  EXPECT_FALSE(error.has_value()) << (error ? error->message : "");
  return head;
}

TEST(RequestHead, TakesTheRequestLineApart) {
  const auto head = parsed("POST /v2/models/m%20x/infer?a=1&b=?2 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(head.method, HttpMethod::kPost);
  EXPECT_EQ(head.path, "/v2/models/m%20x/infer");
  EXPECT_EQ(head.query, "a=1&b=?2");
  EXPECT_TRUE(head.keep_alive);
  EXPECT_EQ(parsed("GET http://host:80/x?y HTTP/1.1\r\nHost: h\r\n\r\n").path, "/x");
  EXPECT_EQ(parsed("GET http://host HTTP/1.1\r\nHost: h\r\n\r\n").path, "/");
  EXPECT_EQ(parsed("BREW /pot HTTP/1.1\r\nHost: h\r\n\r\n").method, HttpMethod::kOther);
}

TEST(RequestHead, FindsHeadersWhateverTheirCase) {
  const auto head = parsed("GET / HTTP/1.1\r\nhOST:h\r\nX-One: \t first \t\r\nx-one: second\r\nEmpty:\r\n\r\n");
  EXPECT_EQ(head.find("X-ONE"), "first");
  EXPECT_EQ(head.find("empty"), "");
  EXPECT_FALSE(head.find("X-On").has_value());
}

TEST(RequestHead, UnderstandsWhatTheTransportNeeds) {
  auto head = parsed(
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 17\r\nExpect: 100-Continue\r\nInference-Header-Content-Length: "
      "12\r\n"
      "Content-Encoding: GZIP\r\nConnection: foo , Close\r\nAccept-Encoding: br;q=1, gzip;q=0.5, deflate\r\n\r\n");
  EXPECT_EQ(head.framing, BodyFraming::kLength);
  EXPECT_EQ(head.content_length, 17U);
  EXPECT_TRUE(head.expects_continue);
  EXPECT_EQ(head.json_length, 12U);
  EXPECT_EQ(head.content_coding, ContentCoding::kGzip);
  EXPECT_FALSE(head.keep_alive);
  EXPECT_EQ(head.accepted_coding, ContentCoding::kGzip);
  EXPECT_FALSE(head.accepts_only_coding);
  head = parsed("GET / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip;q=0, deflate;q=0.00\r\n\r\n");
  EXPECT_EQ(head.accepted_coding, ContentCoding::kIdentity);
  head = parsed("GET / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: deflate\r\n\r\n");
  EXPECT_EQ(head.accepted_coding, ContentCoding::kDeflate);
  EXPECT_TRUE(head.accepts_only_coding);
}

struct BeastHead {
  bool accepted = false;
  bool bad_list = false;  // refused only for the grammar inside a Connection header, which moves no boundary
  std::string method, target;
  std::vector<std::pair<std::string, std::string>> fields;
};

BeastHead parse_with_beast(std::string_view text) {
  namespace http = boost::beast::http;
  http::request_parser<http::string_body> parser;
  parser.header_limit(64 * 1024);
  boost::beast::error_code error;
  parser.put(boost::asio::buffer(text.data(), text.size()), error);
  BeastHead head;
  head.accepted = !error && parser.is_header_done();
  head.bad_list = error == http::error::bad_value;
  if (!head.accepted) return head;
  head.method = std::string(parser.get().method_string());
  head.target = std::string(parser.get().target());
  for (const auto& field : parser.get()) head.fields.emplace_back(field.name_string(), field.value());
  return head;
}

// Whatever we accept, an independent parser must accept and read the same: the difference is what request smuggling
// lives on.
TEST(RequestHead, NeverReadsWhatAnotherParserReadsDifferently) {
  const std::vector<std::string> seeds{
      "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
      "POST /v2/models/m/infer?x=1 HTTP/1.1\r\nHost: localhost:8000\r\nContent-Length: "
      "12\r\nInference-Header-Content-Length: 5\r\n\r\n",
      "PUT /a HTTP/1.0\r\nConnection: keep-alive\r\nX: \t y \r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nAccept: */*\r\n\r\n"};
  const std::string alphabet = "\r\n :\t,;/?\\\"GETx01\x01\x7f\xc3";
  std::mt19937 random(11);
  int both = 0;
  for (int round = 0; round < 200000; ++round) {
    auto text = seeds[random() % seeds.size()];
    for (std::size_t changes = random() % 4; changes > 0; --changes) {
      const auto at = random() % text.size();
      switch (random() % 3) {
        case 0:
          text[at] = alphabet[random() % alphabet.size()];
          break;
        case 1:
          text.insert(at, 1, alphabet[random() % alphabet.size()]);
          break;
        default:
          text.erase(at, 1);
      }
    }
    const auto end = find_head_end(text);
    if (end == std::string::npos) continue;
    RequestHead ours;
    if (!may_become_head(std::string_view(text).substr(0, end)) ||
        parse_head(std::string_view(text).substr(0, end), 100, ours))
      continue;
    const auto theirs = parse_with_beast(std::string_view(text).substr(0, end));
    if (theirs.bad_list && ours.find("connection")) continue;
    ASSERT_TRUE(theirs.accepted) << testing::PrintToString(text);
    ++both;
    ASSERT_EQ(ours.method_name, theirs.method) << testing::PrintToString(text);
    ASSERT_EQ(ours.target, theirs.target);
    ASSERT_EQ(ours.fields.size(), theirs.fields.size()) << testing::PrintToString(text);
    for (std::size_t i = 0; i < ours.fields.size(); ++i) {
      ASSERT_EQ(ours.fields[i].name, theirs.fields[i].first);
      ASSERT_EQ(ours.fields[i].value, theirs.fields[i].second) << testing::PrintToString(text);
    }
  }
  EXPECT_GT(both, 20000);
}

std::string as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(ChunkDecoder, GivesTheSameWhereverTheInputIsCut) {
  const std::string wire =
      "4;name=\"v\"\r\nWiki\r\n5\r\npedia\r\nE\r\n in\r\n\r\nchunks.\r\n0\r\nSum: 1\r\nOther: 2\r\n\r\nNEXT";
  for (std::size_t cut = 1; cut < wire.size(); ++cut) {
    ChunkDecoder decoder;
    std::string body;
    std::size_t used = 0;
    for (const auto part : {std::string_view(wire).substr(0, cut), std::string_view(wire).substr(cut)}) {
      auto rest = std::as_bytes(std::span(part));
      while (!rest.empty() && !decoder.done()) {
        const auto step = decoder.next(rest);
        ASSERT_FALSE(decoder.failed()) << cut;
        body += as_text(step.data);
        used += step.consumed;
        rest = rest.subspan(step.consumed);
      }
    }
    EXPECT_TRUE(decoder.done());
    EXPECT_EQ(body, "Wikipedia in\r\n\r\nchunks.");
    EXPECT_EQ(wire.substr(used), "NEXT");
  }
}

TEST(ChunkDecoder, BoundsWhatIsNotBody) {
  ChunkDecoder decoder(1000, 100);
  const std::string extension = "1;" + std::string(101, 'x') + "\r\n";
  decoder.next(std::as_bytes(std::span(extension)));
  EXPECT_TRUE(decoder.failed());
  ChunkDecoder zeros;
  const std::string size = std::string(17, '0') + "\r\n";
  zeros.next(std::as_bytes(std::span(size)));
  EXPECT_TRUE(zeros.failed());
  EXPECT_FALSE(zeros.too_long());
}

TEST(ChunkDecoder, AChunkThatIsTooLongIsAFaultBeforeItsDataComes) {
  const auto fails_with = [](std::string_view text) {
    ChunkDecoder decoder(1000);
    auto rest = std::as_bytes(std::span(text));
    while (!rest.empty() && !decoder.failed()) rest = rest.subspan(decoder.next(rest).consumed);
    return decoder.too_long();
  };
  EXPECT_FALSE(fails_with("3e8\r\n"));
  EXPECT_TRUE(fails_with("3e9"));
  EXPECT_TRUE(fails_with("ffffffffffffffff"));
  EXPECT_TRUE(fails_with("7fffffffffffffff"));
  EXPECT_TRUE(fails_with("64\r\n" + std::string(100, 'x') + "\r\n385")) << "100 bytes came before";
  EXPECT_FALSE(fails_with("64\r\n" + std::string(100, 'x') + "\r\n384\r\n"));
}

}  // namespace
}  // namespace ocelli::transport
