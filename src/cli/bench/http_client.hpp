// HttpClient: a blocking HTTP/1.1 connection, as small as a load generator needs it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/status.hpp"

namespace ocelli::cli {

// One connection, one request at a time; not thread-safe. Replies need a Content-Length. Every wait ends after 60
// seconds.
class HttpClient {
 public:
  // Connects. Errors: kUnavailable naming host and port.
  static Result<HttpClient> connect(const std::string& host, std::uint16_t port);
  HttpClient(HttpClient&& other) noexcept;
  HttpClient& operator=(HttpClient&& other) noexcept;
  ~HttpClient();

  // Sends the bytes of a whole request and reads the whole reply. The status code; kUnavailable when the connection
  // broke.
  Result<int> exchange(std::span<const std::byte> request);
  // The body of the last reply; valid until the next exchange.
  [[nodiscard]] std::span<const char> body() const noexcept { return {reply_.data() + head_, filled_ - head_}; }

 private:
  explicit HttpClient(int socket) noexcept : socket_(socket) {}
  Status send_all(std::span<const std::byte> bytes);
  // Reads at most so many bytes behind those that are there.
  Status read_some(std::size_t wanted);

  int socket_ = -1;
  std::vector<char> reply_;  // head and body; never shrinks
  std::size_t filled_ = 0;   // bytes of it that are there
  std::size_t head_ = 0;     // bytes of the head
};

}  // namespace ocelli::cli
