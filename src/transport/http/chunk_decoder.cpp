#include "transport/http/chunk_decoder.hpp"

#include <algorithm>

namespace ocelli::transport {
namespace {

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_text(char c) noexcept { return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f); }

}  // namespace

ChunkDecoder::Step ChunkDecoder::next(std::span<const std::byte> input) noexcept {
  std::size_t used = 0;
  while (used < input.size() && state_ != State::kDone && state_ != State::kFailed) {
    if (state_ == State::kData) {
      const auto run = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size() - used));
      left_ -= run;
      body_left_ -= run;
      if (left_ == 0) state_ = State::kDataReturn;
      return {used + run, input.subspan(used, run)};
    }
    state_ = after(static_cast<char>(input[used++]));
  }
  return {used, {}};
}

ChunkDecoder::State ChunkDecoder::after(char c) noexcept {
  switch (state_) {
    case State::kFirstDigit:
      left_ = 0;
      digits_ = 0;
      return after_digit(c);
    case State::kSize:
      if (c == ';') return State::kExtension;
      return c == '\r' ? State::kSizeFeed : after_digit(c);
    case State::kExtension:
      return after_extra(c, State::kExtension, State::kSizeFeed);
    case State::kSizeFeed:
      if (c != '\n') return State::kFailed;
      return left_ > 0 ? State::kData : State::kTrailerStart;
    case State::kDataReturn:
      return c == '\r' ? State::kDataFeed : State::kFailed;
    case State::kDataFeed:
      return c == '\n' ? State::kFirstDigit : State::kFailed;
    case State::kTrailerStart:
      return after_extra(c, State::kTrailer, State::kEndFeed);
    case State::kTrailer:
      return after_extra(c, State::kTrailer, State::kTrailerFeed);
    case State::kTrailerFeed:
      return c == '\n' ? State::kTrailerStart : State::kFailed;
    case State::kEndFeed:
      return c == '\n' ? State::kDone : State::kFailed;
    default:
      return State::kFailed;
  }
}

ChunkDecoder::State ChunkDecoder::after_digit(char c) noexcept {
  const int digit = hex_digit(c);
  if (digit < 0 || ++digits_ > 16) return State::kFailed;
  left_ = left_ << 4 | static_cast<std::uint64_t>(digit);
  return left_ > body_left_ ? State::kFailed : State::kSize;
}

ChunkDecoder::State ChunkDecoder::after_extra(char c, State same, State feed) noexcept {
  if (c == '\r') return feed;
  if (!is_text(c) || extra_left_ == 0) return State::kFailed;
  --extra_left_;
  return same;
}

}  // namespace ocelli::transport
