// RequestHead: the request line and headers of one HTTP/1 request, parsed strictly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "transport/http/http_exchange.hpp"

namespace ocelli::transport {

// How the end of the body is known.
enum class BodyFraming : std::uint8_t { kNone, kLength, kChunked };
enum class ContentCoding : std::uint8_t { kIdentity, kGzip, kDeflate };

// All views point into the text that was parsed. Reusable: parsing again keeps the capacity of fields.
struct RequestHead {
  struct Field {
    std::string_view name;
    std::string_view value;  // without the white space around it
  };

  HttpMethod method = HttpMethod::kOther;
  std::string_view method_name;
  std::string_view target;  // as sent
  std::string_view path;
  std::string_view query;
  std::vector<Field> fields;

  bool keep_alive = true;  // the client's wish, from version and Connection
  bool http_1_0 = false;
  bool expects_continue = false;
  BodyFraming framing = BodyFraming::kNone;
  std::size_t content_length = 0;                            // with kLength
  ContentCoding content_coding = ContentCoding::kIdentity;   // of the request's body
  ContentCoding accepted_coding = ContentCoding::kIdentity;  // best one that the reply may use
  bool accepts_only_coding = false;                          // Accept-Encoding names that coding and nothing else
  std::size_t json_length = 0;  // Inference-Header-Content-Length; 0: absent or not a number

  // As new, but for the capacity of fields.
  void clear() noexcept;
  // First field of that name, case-insensitive.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept;
};

// Why a request is refused before its handler sees it.
struct HeadError {
  int status = 400;
  std::string message;
};

// Position behind the empty line that ends the head, or npos.
std::size_t find_head_end(std::string_view text) noexcept;

// For a head whose end has not come yet: whether what is there can still become one. Catches other protocols and bare
// line feeds early.
bool may_become_head(std::string_view text) noexcept;

// Parses a whole head, including its empty line. Follows RFC 9112 and refuses everything that two parsers could read
// differently: bare CR or LF, folded lines, spaces before a colon, repeated or signed Content-Length, Content-Length
// beside Transfer-Encoding, codings other than "chunked".
std::optional<HeadError> parse_head(std::string_view text, std::size_t max_fields, RequestHead& head);

}  // namespace ocelli::transport
