// ChunkDecoder: takes apart a body in chunked transfer coding (RFC 9112, section 7.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace ocelli::transport {

// Strict: a size is 1 to 16 hexadecimal digits, CRLF alone ends a line. Extensions and trailers are skipped, within
// max_extra bytes in all. A chunk whose size makes the body longer than max_body bytes is a fault as soon as its digits
// say so, before any of its data.
class ChunkDecoder {
 public:
  struct Step {
    std::size_t consumed = 0;         // bytes of input that are dealt with
    std::span<const std::byte> data;  // the last of them that are body, may be none
  };

  explicit ChunkDecoder(std::uint64_t max_body = std::numeric_limits<std::uint64_t>::max(),
                        std::size_t max_extra = std::size_t{32} * 1024) noexcept
      : body_left_(max_body), extra_left_(max_extra) {}

  // Goes on until a run of data, the end of the body, a fault or the end of input.
  Step next(std::span<const std::byte> input) noexcept;
  [[nodiscard]] bool done() const noexcept { return state_ == State::kDone; }
  // Malformed or too long.
  [[nodiscard]] bool failed() const noexcept { return state_ == State::kFailed; }
  // The fault is the size that the last chunk states.
  [[nodiscard]] bool too_long() const noexcept { return failed() && left_ > body_left_; }
  // What the chunk under way still has to bring, or claims to.
  [[nodiscard]] std::uint64_t chunk_left() const noexcept { return left_; }

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
  std::uint64_t left_ = 0;   // of the chunk's data
  std::uint64_t body_left_;  // that the chunks may still bring
  int digits_ = 0;           // of the chunk's size
  std::size_t extra_left_;
};

}  // namespace ocelli::transport
