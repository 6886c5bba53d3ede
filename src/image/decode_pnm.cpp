// PNM: bitmaps, gray and colour as plain text (P1, P2, P3) and raw (P4, P5, P6), after the Netpbm manual's pages
// pbm(5), pgm(5) and ppm(5). Only the first picture of a file is read.
#include <fmt/format.h>

#include <optional>

#include "image/codecs.hpp"

namespace ocelli::image {
namespace {

constexpr std::uint32_t kMaxSample = 65535;

bool is_space(std::byte byte) noexcept {
  const auto c = static_cast<char>(byte);
  return c == ' ' || (c >= '\t' && c <= '\r');
}
bool is_digit(std::byte byte) noexcept { return byte >= std::byte{'0'} && byte <= std::byte{'9'}; }

// Walks over the bytes behind the signature.
class PnmReader {
 public:
  explicit PnmReader(std::span<const std::byte> bytes) : left_(bytes) {}

  // The next number, behind white space and comments; empty: there is none, or it is above the limit.
  std::optional<std::uint32_t> number(std::uint32_t limit) noexcept {
    skip_space();
    if (left_.empty() || !is_digit(left_.front())) return std::nullopt;
    std::uint64_t value = 0;
    while (!left_.empty() && is_digit(left_.front())) {
      value = value * 10 + (static_cast<std::uint64_t>(left_.front()) - '0');
      if (value > limit) return std::nullopt;
      left_ = left_.subspan(1);
    }
    return static_cast<std::uint32_t>(value);
  }
  // One digit of a plain bitmap, which needs no space around it.
  std::optional<std::uint32_t> bit() noexcept {
    skip_space();
    if (left_.empty() || (left_.front() != std::byte{'0'} && left_.front() != std::byte{'1'})) return std::nullopt;
    const bool one = left_.front() == std::byte{'1'};
    left_ = left_.subspan(1);
    return one ? 1 : 0;
  }
  // Raw samples begin behind one white space.
  bool begin_raw() noexcept {
    if (left_.empty() || !is_space(left_.front())) return false;
    left_ = left_.subspan(1);
    return true;
  }
  [[nodiscard]] std::span<const std::byte> rest() const noexcept { return left_; }

 private:
  void skip_space() noexcept {
    bool comment = false;
    while (!left_.empty() && (comment || is_space(left_.front()) || left_.front() == std::byte{'#'})) {
      if (left_.front() == std::byte{'#'}) comment = true;
      if (left_.front() == std::byte{'\n'} || left_.front() == std::byte{'\r'}) comment = false;
      left_ = left_.subspan(1);
    }
  }
  std::span<const std::byte> left_;
};

// max: what is full brightness.
std::uint8_t to_8_bits(std::uint32_t sample, std::uint32_t max) noexcept {
  return static_cast<std::uint8_t>((sample * 255 + max / 2) / max);
}

// Where a sample goes: files have red first.
std::uint8_t& place(const Image& image, std::size_t sample) noexcept {
  if (image.format == PixelFormat::kGray) return image.data()[sample];
  const auto channel = sample % 3;
  return image.data()[sample - channel + (2 - channel)];
}

Status cut_off(const Image& image, std::size_t expected, std::size_t given) {
  return invalid_argument(fmt::format("PNM picture of {}x{} is cut off: {} bytes of pixels expected, {} given",
                                      image.width, image.height, expected, given));
}

Status wrong_sample(const Image& image, std::size_t sample, std::uint32_t max) {
  return invalid_argument(fmt::format("PNM picture of {}x{}: sample {} is missing, or no number from 0 to {}",
                                      image.width, image.height, sample, max));
}

Status read_bitmap(PnmReader& reader, bool raw, Image& image) {
  const std::size_t row_bytes = (image.width + 7) / 8;
  const auto rest = reader.rest();
  if (raw && rest.size() < row_bytes * image.height) return cut_off(image, row_bytes * image.height, rest.size());
  for (std::size_t y = 0; y < image.height; ++y) {
    for (std::size_t x = 0; x < image.width; ++x) {
      const auto bit =
          raw ? (static_cast<std::uint32_t>(rest[y * row_bytes + x / 8]) >> (7 - x % 8)) & 1 : reader.bit();
      if (!bit) return wrong_sample(image, y * image.width + x, 1);
      image.row(y)[x] = *bit == 1 ? 0 : 255;  // 1 is black
    }
  }
  return {};
}

Status read_plain(PnmReader& reader, std::uint32_t max, Image& image) {
  for (std::size_t i = 0; i < image.bytes(); ++i) {
    const auto sample = reader.number(max);
    if (!sample) return wrong_sample(image, i, max);
    place(image, i) = to_8_bits(*sample, max);
  }
  return {};
}

Status read_raw(PnmReader& reader, std::uint32_t max, Image& image) {
  const auto rest = reader.rest();
  const std::size_t each = max > 255 ? 2 : 1;
  if (rest.size() < image.bytes() * each) return cut_off(image, image.bytes() * each, rest.size());
  for (std::size_t i = 0; i < image.bytes(); ++i) {
    auto sample = static_cast<std::uint32_t>(rest[i * each]);
    if (each == 2) sample = sample << 8 | static_cast<std::uint32_t>(rest[i * each + 1]);
    if (sample > max) return wrong_sample(image, i, max);
    place(image, i) = to_8_bits(sample, max);
  }
  return {};
}

}  // namespace

Result<Image> decode_pnm(std::span<const std::byte> encoded, BufferPool& pool, const DecodeLimits& limits) {
  const auto kind = static_cast<char>(encoded[1]);  // '1' to '6'
  const bool raw = kind >= '4';
  const bool bitmap = kind == '1' || kind == '4';
  const bool colour = kind == '3' || kind == '6';
  PnmReader reader(encoded.subspan(2));
  const auto width = reader.number(UINT32_MAX);
  const auto height = width ? reader.number(UINT32_MAX) : std::nullopt;
  const auto max = bitmap ? 1 : height ? reader.number(kMaxSample) : std::nullopt;
  if (!height || !max || *max == 0 || (raw && !reader.begin_raw())) {
    return invalid_argument(
        fmt::format("PNM header is broken; expected P{} width height{}", kind, bitmap ? "" : " maximum (1 to 65535)"));
  }
  auto image =
      allocate_image(Codec::kPnm, *width, *height, colour ? PixelFormat::kBgr : PixelFormat::kGray, pool, limits);
  if (!image.ok()) return image;
  Status status = bitmap ? read_bitmap(reader, raw, *image)
                  : raw  ? read_raw(reader, *max, *image)
                         : read_plain(reader, *max, *image);
  if (!status.ok()) return status;
  return image;
}

}  // namespace ocelli::image
