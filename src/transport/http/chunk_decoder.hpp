// ChunkDecoder: takes apart a body in chunked transfer coding (RFC 9112, section 7.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace ocelli::transport {

// Strict: a size is 1 to 16 hexadecimal digits, CRLF alone ends a line. Extensions and trailers are skipped, within
// max_extra bytes in all.
class ChunkDecoder {
 public:
  struct Step {
    std::size_t consumed = 0;         // bytes of input that are dealt with
    std::span<const std::byte> data;  // the last of them that are body, may be none
  };

  explicit ChunkDecoder(std::size_t max_extra = std::size_t{32} * 1024) noexcept : extra_left_(max_extra) {}

  // Goes on until a run of data, the end of the body, a fault or the end of input.
  Step next(std::span<const std::byte> input) noexcept;
  [[nodiscard]] bool done() const noexcept { return state_ == State::kDone; }
  [[nodiscard]] bool failed() const noexcept { return state_ == State::kFailed; }

 private:
  // What the next byte must be.
  enum class State : std::uint8_t {
    kFirstDigit,
    kSize,
    kExtension,
    kSizeFeed,
    kData,
    kDataReturn,
    kDataFeed,
    kTrailerStart,
    kTrailer,
    kTrailerFeed,
    kEndFeed,
    kDone,
    kFailed,
  };

  State after(char c) noexcept;
  State after_digit(char c) noexcept;
  State after_extra(char c, State same, State feed) noexcept;

  State state_ = State::kFirstDigit;
  std::uint64_t left_ = 0;  // of the chunk's data
  int digits_ = 0;          // of the chunk's size
  std::size_t extra_left_;
};

}  // namespace ocelli::transport
